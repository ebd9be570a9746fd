"""`builder prune`: what builds left on this machine, what it takes, and how it goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackup.errors import UsageError
from stackup.images.build.leftovers import KINDS, Leftover, leftovers, remove
from stackup.images.removing import writers
from stackup.project.image import in_use, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.project.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """`every`: caches of RUN and what was fetched too, not steps alone. `until`: last used before that moment, 0 for
    any. `room`: bytes that may stay, of those that were used last.
    """

    every: bool = False
    until: float = 0.0
    room: int = 0


@dataclass(frozen=True, slots=True)
class Cleared:
    """`busy`: somebody builds, or adds images otherwise, so that steps and contexts were left alone."""

    gone: tuple[Leftover, ...]
    busy: bool


def conditions(filters: tuple[str, ...], moment: Callable[[str], float]) -> float:
    """`until=24h`; `moment` reads a time or an age."""
    until = 0.0
    for word in filters:
        key, _, value = word.partition("=")
        if key not in ("until", "unused-for") or not value:
            raise UsageError(f'"{word}" is not a filter of builds', subject=word, hint="write until=24h")
        until = moment(value)
    return until


def prune(session: Session, options: Options) -> Cleared:
    chosen = choose(_found(session), options)
    gone = remove(store(session), _folder(session), chosen, lambda: in_use(session)) if not session.dry_run else chosen
    return Cleared(tuple(gone), len(gone) < len(chosen) and bool(writers(store(session))))


def choose(found: list[Leftover], options: Options) -> list[Leftover]:
    """Of all, the one that was used last coming last: the oldest go until the rest has room."""
    mine = [one for one in found if options.every or one.kind == "step"]
    left, chosen = sum(one.size for one in mine), []
    for one in mine:
        if (not options.until or one.used < options.until) and (not options.room or left > options.room):
            chosen.append(one)
            left -= one.size
    return chosen


def sizes(session: Session) -> dict[str, int]:
    """Bytes by kind."""
    found = _found(session)
    return {kind: sum(one.size for one in found if one.kind == kind) for kind in KINDS}


def _found(session: Session) -> list[Leftover]:
    return leftovers(store(session), _folder(session), in_use(session))


def _folder(session: Session) -> str:
    return os.path.join(session.layout.state, "build")
