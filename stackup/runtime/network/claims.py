"""What stackup holds on this host outside any stack: subnets, uplinks, the forwarding switch, foreign rules.

`RUN/host.json` says what is to be put back when the last network goes; `RUN/claims` has a file a network, whose name
ends in the ranges that the network has taken, in hexadecimal: who looks for a free one reads names, and a thousand
networks cost it a millisecond. Changed only under a lock, so that two stacks coming up at once never choose one subnet.
Neither survives a reboot, and neither does what they say.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NotRequired, TypedDict

from stackup.kernel import files
from stackup.runtime.network import pools

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stackup.runtime.network.pools import Block

from contextlib import contextmanager


class NetworkClaim(TypedDict):
    """Keyed by the uplink's name. `uplink` is the host's end and the network's end, empty for an internal network."""

    stack: str
    name: str
    subnet: str
    uplink: list[str]
    subnet6: NotRequired[str]
    uplink6: NotRequired[list[str]]


VERSION = 2


class HostClaims(TypedDict):
    version: int
    forwarding: NotRequired[str]
    """What `ip_forward` was before stackup turned it on; absent when it did not."""
    forwarding6: NotRequired[str]
    accept_ra: NotRequired[dict[str, str]]
    """What links that hear routers had there before `forwarding6`."""
    foreign: NotRequired[list[list[str | int]]]
    """Chains that got accept rules of ours: family, table, chain."""


def _file(run_dir: str) -> str:
    return os.path.join(run_dir, "host.json")


def _folder(run_dir: str) -> str:
    return os.path.join(run_dir, "claims")


def read(run_dir: str) -> HostClaims:
    """What is to be put back, without the lock."""
    found: HostClaims | None = files.read_json(_file(run_dir))
    return found or {"version": VERSION}


@contextmanager
def changing(run_dir: str, purpose: str) -> Iterator[HostClaims]:
    """Waits for whoever holds the claims; what is to be put back is written also when the body fails half-way."""
    with files.Lock(os.path.join(run_dir, "host.lock"), purpose, waiting=lambda _holder: None):
        held = read(run_dir)
        _divide(run_dir, held)
        before = dict(held)
        try:
            yield held
        finally:
            if len(held) == 1:
                files.remove(_file(run_dir))
                files.remove_asides(_file(run_dir))
            elif held != before:
                files.write_json(_file(run_dir), held, durable=False)


def _divide(run_dir: str, held: HostClaims) -> None:
    """Version 1 had all networks in the one file."""
    for key, claim in held.pop("networks", {}).items():  # type: ignore[typeddict-item]
        put(run_dir, key, claim)
    if held["version"] != VERSION:
        held["version"] = VERSION
        files.write_json(_file(run_dir), held, durable=False)


def _names(run_dir: str, key: str = "") -> list[str]:
    """All of them, or the network's own: one, and two after a kill half-way."""
    names = files.list_dir(_folder(run_dir))
    return [name for name in names if name.startswith(f"{key},")] if key else names


def of(run_dir: str, key: str) -> NetworkClaim | None:
    """One network's claim."""
    return next(_claims(run_dir, _names(run_dir, key)), None)


def every(run_dir: str) -> Iterator[NetworkClaim]:
    """All of them: a file each, so for error messages and not for choosing."""
    return _claims(run_dir, _names(run_dir))


def _claims(run_dir: str, names: Iterable[str]) -> Iterator[NetworkClaim]:
    found = (files.read_json(os.path.join(_folder(run_dir), name)) for name in names)
    return (claim for claim in found if claim)


def blocks(run_dir: str, but: str = "") -> list[Block]:
    """What all networks have taken, but for the one of that key."""
    own = _names(run_dir, but) if but else ()
    return [block for name in _names(run_dir) if name not in own for block in _ranges_of(name)]


@lru_cache(maxsize=8192)
def _ranges_of(name: str) -> tuple[Block, ...]:
    """Many networks are made in one command, and each looks at the names of all."""
    pairs = (text.split("-") for text in name.split(",")[1:])
    return tuple((int(first, 16), int(last, 16)) for first, last in pairs)


def put(run_dir: str, key: str, claim: NetworkClaim) -> None:
    """In place of what the network claimed before; under the lock."""
    before = _names(run_dir, key)
    name = ",".join([key, *(f"{first:x}-{last:x}" for first, last in map(pools.bounds, ranges(claim)))])
    files.make_dir(_folder(run_dir))
    aside = f"{_file(run_dir)}.{os.getpid()}.new"
    files.write_json(os.path.join(_folder(run_dir), name), claim, durable=False, aside=aside)
    _remove(run_dir, [other for other in before if other != name])


def drop(run_dir: str, key: str) -> None:
    """Under the lock; gone already is no failure. The folder goes with the last."""
    _remove(run_dir, _names(run_dir, key))
    if os.path.isdir(_folder(run_dir)) and not _names(run_dir):
        os.rmdir(_folder(run_dir))


def _remove(run_dir: str, names: Iterable[str]) -> None:
    for name in names:
        files.remove(os.path.join(_folder(run_dir), name))


def ranges(claim: NetworkClaim) -> list[str]:
    """Subnets, and the pairs of its uplinks, as text."""
    pairs = [f"{ends[0]}/{pools.width(ends[0]) - 1}" for ends in (claim["uplink"], claim.get("uplink6", [])) if ends]
    return [*filter(None, (claim["subnet"], claim.get("subnet6", ""))), *pairs]


def sweep(run_dir: str) -> None:
    """Remove what a writer left that was killed while it wrote the claims aside."""
    if any(name.startswith("host.json.") for name in files.list_dir(run_dir)):
        with files.Lock(os.path.join(run_dir, "host.lock"), "sweeping", waiting=lambda _holder: None):
            files.remove_asides(_file(run_dir))
