"""The files that go along with a stack that is carried elsewhere, and what it needs besides and has to be put there.

Every file that loading it read goes, and so do files of configs. Files of secrets, and what is mounted from the host,
go only when that is asked for. Each keeps its place, from the folder that all of them lie in.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.errors import Unsupported, UsageError
from stackup.images.refusal import disk
from stackup.stackfile.discover import MAX_BYTES, STDIN, read_disk

if TYPE_CHECKING:
    from stackup.project.session import Session
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model import Stack

MAX_FILES = 5000
MAX_ALL = 48 << 20
USUAL = 0o644
SECRETS, MOUNTS = "--with-secrets", "--with-mounts"
_SHELL = frozenset(("HOME", "PATH", "PWD"))


@dataclass(frozen=True, slots=True)
class Named:
    """A file or folder that a stack names, and what it is to it; `flag` takes it along, an empty one needs no word."""

    path: str
    word: str = ""
    flag: str = ""


@dataclass(slots=True)
class Belongings:
    """`files` by their path below `top`, `modes` where they are not the usual ones. `own` may be nobody else's
    business, `left` stays: a word for each."""

    top: str
    files: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    own: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    _size: int = 0

    def take(self, path: str, *, own: bool) -> None:
        """Raises UsageError for what cannot be read, and when it becomes too much."""
        name, content = os.path.relpath(path, self.top), read_disk(path)
        if content is None:
            raise UsageError(f'"{path}" is not there', subject=path, hint="a bundle takes what the stack names")
        with disk(path):
            mode = stat.S_IMODE(os.stat(path).st_mode) & 0o755
        self.files[name] = content
        self.modes |= {name: mode} if mode != USUAL else {}
        self.own += [name] if own or name.endswith(".env") else []
        self._size += len(content)
        if len(content) > MAX_BYTES or len(self.files) > MAX_FILES or self._size > MAX_ALL:
            most = f"{MAX_FILES} files, {MAX_BYTES >> 20} MiB each, {MAX_ALL >> 20} MiB together"
            hint = f"leave out {MOUNTS}, and bring what is mounted by other means"
            raise UsageError(f'"{path}" is too much beside the images: at most {most}', subject=path, hint=hint)


def gather(session: Session, loaded: Loaded, flags: frozenset[str]) -> Belongings:
    """What goes and what stays. Raises UsageError and Unsupported for a stack whose files cannot go."""
    assert loaded.stack is not None, "load() has seen to it"
    home, stack = loaded.directory, loaded.stack
    named = [*map(Named, _read(session, loaded)), *_sources(stack), *_mounts(stack)]
    going = [one for one in named if one.flag in ("", *flags) and not _is_apart(one.path, home)]
    found = Belongings(os.path.commonpath([home, *(os.path.dirname(one.path) for one in going)]))
    for one in {one.path: one for one in going}.values():
        for path in _files_in(one.path):
            found.take(path, own=bool(one.flag))
    found.left = [_told(one, home) for one in named if one not in going] + list(_external(stack))
    return found


def variables(loaded: Loaded) -> tuple[str, ...]:
    """Those that the files ask for and that are not theirs: whoever brings the stack up elsewhere must give them."""
    assert loaded.stack is not None, "load() has seen to it"
    asked = {name for name, value in loaded.inputs.variables.items() if value is not None} - _SHELL
    sources = (*loaded.stack.secrets.values(), *loaded.stack.configs.values())
    asked |= {source.environment for source in sources if source.environment}
    return tuple(sorted(name for name in asked if not name.startswith("COMPOSE_")))


def _is_apart(path: str, directory: str) -> bool:
    """Nothing but the root of the disk is above both."""
    return os.path.commonpath([os.path.dirname(path), directory]) == "/" != directory


def _told(one: Named, home: str) -> str:
    path = os.path.relpath(one.path, home)
    return f'"{path if not path.startswith("../../") else one.path}"{one.word and ", "}{one.word}'


def _read(session: Session, loaded: Loaded) -> Iterator[str]:
    """Every file of the load. The copy of a stack from elsewhere is as good as files of one's own, where it is all of
    the stack; beside the copies lies only what says which version they are."""
    far = f"{session.layout.remote_dir}/"
    for path, seen in loaded.inputs.files.items():
        if path == STDIN:
            hint = "write it into a file, and name that with -f"
            raise UsageError("a stack that comes through a pipe has no files", subject=path, hint=hint)
        if path.startswith(far) and not loaded.directory.startswith(far):
            hint = "copy what it includes beside it, and include that"
            raise Unsupported("a stack that includes one from elsewhere cannot be bundled", subject=path, hint=hint)
        if seen is not None and os.path.isfile(path) and not path.startswith(f"{far}names/"):
            yield path


def _sources(stack: Stack) -> Iterator[Named]:
    """Files of configs and secrets that a service has."""
    services = stack.services.values()
    configs = {grant.source for service in services for grant in service.configs}
    secrets = {grant.source for service in services for grant in service.secrets}
    for kind, sources, granted, flag in (
        ("config", stack.configs, configs, ""),
        ("secret", stack.secrets, secrets, SECRETS),
    ):
        for name in sorted(granted & sources.keys()):
            if path := sources[name].file:
                yield Named(path, f'the {kind} "{name}"', flag)


def _external(stack: Stack) -> Iterator[str]:
    for kind, sources in (("config", stack.configs), ("secret", stack.secrets)):
        for name, source in sources.items():
            if source.external:
                yield f'the {kind} "{source.name or name}" of this host'


def _mounts(stack: Stack) -> Iterator[Named]:
    for name, service in stack.services.items():
        for mount in service.volumes:
            if mount.type == "bind" and mount.source and os.path.exists(mount.source):
                yield Named(mount.source, f"which {name} mounts", MOUNTS)


def _files_in(path: str) -> Iterable[str]:
    """Of a folder those below it: links are not followed, and what is no file is not taken."""
    if not os.path.isdir(path):
        yield path
    for folder, _, names in os.walk(path):
        inside = (os.path.join(folder, name) for name in sorted(names))
        yield from (one for one in inside if stat.S_ISREG(os.lstat(one).st_mode))
