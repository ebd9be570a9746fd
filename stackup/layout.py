"""Every directory and file name that stackup owns, and nowhere else.

A leaf that joins strings and touches nothing. `state` survives a reboot, `run` does not. One directory an address:
`state/stacks/<stack>/<kind>/<name>/record.json`, with its live half at the same path beneath `run/`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RECORD = "record.json"
"""Our claim about an address; written by commands only."""
RECORD_AGAIN = "record.again.json"
"""The same once more, for when the first cannot be read."""
STATUS = "status.json"
"""What a container's monitor wrote last; written by that monitor only."""
LOG = "log"
DATA = "data"
"""A volume's files, beside its record."""
CONTROL = "control.sock"
NETNS = "netns"
USERNS = "userns"
NAMES = "names.json"
UNSTACKED = "_"
"""The stack that owns what was made by hand, such as `stackup network create`; no stack can have this name."""


class Layout:
    """The two roots. `STACKUP_ROOT` and `STACKUP_RUN` override both; read by `cli`, passed down by value.

    `key_file`: what secrets are sealed with. `STACKUP_KEY_FILE` keeps it away from what it seals.
    """

    __slots__ = ("key_file", "run", "state")

    def __init__(self, state: str, run: str, key_file: str = "") -> None:
        self.state = state
        self.run = run
        self.key_file = key_file or os.path.join(state, "key")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, uid: int) -> Layout:
        """Root's folders, or the XDG folders of a user."""
        if uid == 0:
            state, run = "/var/lib/stackup", "/run/stackup"
        else:
            home = environ.get("HOME", "/")
            data = environ.get("XDG_DATA_HOME") or os.path.join(home, ".local/share")
            runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
            state, run = os.path.join(data, "stackup"), os.path.join(runtime, "stackup")
        roots = environ.get("STACKUP_ROOT") or state, environ.get("STACKUP_RUN") or run
        return cls(*roots, environ.get("STACKUP_KEY_FILE", ""))

    @property
    def stacks_dir(self) -> str:
        return os.path.join(self.state, "stacks")

    @property
    def images_dir(self) -> str:
        return os.path.join(self.state, "images")

    @property
    def cache_dir(self) -> str:
        return os.path.join(self.state, "cache")

    @property
    def remote_dir(self) -> str:
        """Stack files from registries and repositories, a folder a version."""
        return os.path.join(self.state, "remote")

    def vault_dir(self, kind: str) -> str:
        """Secrets or configs that belong to no stack, each a sealed file."""
        return os.path.join(self.state, "vault", kind)

    def stack_dir(self, stack: str) -> str:
        return os.path.join(self.state, "stacks", stack)

    def lock_file(self, stack: str) -> str:
        """One lock a stack, taken by writers only; beside the stacks so that removing a stack keeps it."""
        return os.path.join(self.state, "locks", stack)

    def stack_file(self, stack: str) -> str:
        """Which files a stack was last brought up from; for people, nothing is decided by it."""
        return os.path.join(self.stack_dir(stack), "stack.json")

    def journal_file(self, stack: str) -> str:
        return os.path.join(self.stack_dir(stack), "journal.jsonl")

    def events_dir(self, stack: str) -> str:
        """What happened to its containers; beside the stacks, so that the last word of a removed one is kept."""
        return os.path.join(self.state, "events", stack)

    def kind_dir(self, stack: str, kind: str) -> str:
        return os.path.join(self.stack_dir(stack), kind)

    def address_dir(self, stack: str, kind: str, directory: str) -> str:
        """Durable half of an address; `directory` is `Address.directory`."""
        return os.path.join(self.state, "stacks", stack, kind, directory)

    def live_stack_dir(self, stack: str) -> str:
        return os.path.join(self.run, "stacks", stack)

    def live_dir(self, stack: str, kind: str, directory: str) -> str:
        """Live half of an address: sockets, pinned namespaces, secrets."""
        return os.path.join(self.run, "stacks", stack, kind, directory)
