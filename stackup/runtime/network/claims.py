"""What stackup holds on this host outside any stack: subnets, uplinks, the forwarding switch, foreign rules.

One file, `RUN/host.json`, changed only under a lock, so that two stacks coming up at once never choose one subnet and
the last network to go restores what the first one changed. It does not survive a reboot, and neither does what it says.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NotRequired, TypedDict

from stackup.kernel import files

if TYPE_CHECKING:
    from collections.abc import Iterator

from contextlib import contextmanager


class NetworkClaim(TypedDict):
    """Keyed by the uplink's name. `uplink` is the host's end and the network's end, empty for an internal network."""

    stack: str
    name: str
    subnet: str
    uplink: list[str]
    subnet6: NotRequired[str]
    uplink6: NotRequired[list[str]]


VERSION = 1


class HostClaims(TypedDict):
    version: int
    networks: dict[str, NetworkClaim]
    forwarding: NotRequired[str]
    """What `ip_forward` was before stackup turned it on; absent when it did not."""
    forwarding6: NotRequired[str]
    accept_ra: NotRequired[dict[str, str]]
    """What links that hear routers had there before `forwarding6`."""
    foreign: NotRequired[list[list[str | int]]]
    """Chains that got accept rules of ours: family, table, chain."""


def _file(run_dir: str) -> str:
    return os.path.join(run_dir, "host.json")


def read(run_dir: str) -> HostClaims:
    """The claims as they are, without the lock."""
    found: HostClaims | None = files.read_json(_file(run_dir))
    return found or {"version": VERSION, "networks": {}}


@contextmanager
def changing(run_dir: str, purpose: str) -> Iterator[HostClaims]:
    """The claims to edit; waits for whoever holds them and writes them back also when the body fails half-way."""
    with files.Lock(os.path.join(run_dir, "host.lock"), purpose, waiting=lambda _holder: None):
        claims = read(run_dir)
        try:
            yield claims
        finally:
            if claims["networks"] or "forwarding" in claims or "forwarding6" in claims or claims.get("foreign"):
                files.write_json(_file(run_dir), claims, durable=False)
            else:
                files.remove(_file(run_dir))
                files.remove_asides(_file(run_dir))


def sweep(run_dir: str) -> None:
    """Remove what a writer left that was killed while it wrote the claims aside."""
    if any(name.startswith("host.json.") for name in files.list_dir(run_dir)):
        with files.Lock(os.path.join(run_dir, "host.lock"), "sweeping", waiting=lambda _holder: None):
            files.remove_asides(_file(run_dir))
