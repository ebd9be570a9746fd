"""What a lock holds a stack to: bases of its builds, names that are not locked, and names that mean something else now.

Images that run are held where a stack is translated (`desire.images`); here is what needs a Dockerfile or the host.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackup.diagnostics import Diagnostics
from stackup.engines.desire.images import unlocked
from stackup.errors import StackupError
from stackup.images.locked import Content, Locked, platform_of
from stackup.project.lockfile import HELD, held, paths_of
from stackup.project.problems import rows_of, tell
from stackup.project.resolve import identify, load
from stackup.project.uses import services_of, uses

if TYPE_CHECKING:
    from stackup.project.session import Session
    from stackup.project.uses import Use
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model import Stack
    from stackup.values import Data


@dataclass(frozen=True, slots=True)
class Moved:
    """A name that means something else now than its lock says. `at`: here, or at its registry."""

    image: str
    services: tuple[str, ...]
    locked: str
    now: str
    at: str
    place: str


def held_bases(session: Session, loaded: Loaded) -> tuple[Stack, Data]:
    """The stack with what is left to build, and what a build's normal form says of the lock, once it is sure that
    nothing is missing where nothing may be."""
    loaded, locked = held(session, loaded)
    require_locked(session, loaded, locked, built_of(loaded))
    assert loaded.stack is not None, "load() has seen to it"
    return loaded.stack, {"locked": dict(locked.all_pinned())} if locked else {}


def built_of(loaded: Loaded) -> list[str]:
    """Services that are built."""
    assert loaded.stack is not None, "load() has seen to it"
    return [name for name, service in loaded.stack.services.items() if service.build]


def tell_held(session: Session, whole: Loaded, loaded: Loaded) -> None:
    """Services that are not built though everything is to be: they came built."""
    left = built_of(loaded)
    for name in built_of(whole):
        if name not in left:
            session.notice(HELD.format(name))


def require_locked(session: Session, loaded: Loaded, locked: Locked | None, services: Sequence[str]) -> None:
    """Raises StackInvalid for what is not locked where all must be (`--locked`), else warns of it."""
    if locked is None:
        return
    problems = Diagnostics()
    for use in uses(session, loaded, services):
        if locked.pinned(use.image, use.platform) is None:
            unlocked(problems, use.service, use.said, use.where, strict=locked.strict)
    tell(session, rows_of(problems, loaded.sources))


def moved(session: Session, *, ask: bool) -> list[Moved]:
    """Names that are another content now, on this machine, and with `ask` at their registries."""
    if not any(map(os.path.exists, paths_of(session, identify(session)))):
        return []
    loaded, lock = held(session, load(session))
    locked = lock or Locked()
    found: dict[tuple[str, str], Moved] = {}
    for use in uses(session, loaded, services_of(loaded)):
        content = locked.content(use.image)
        for at, now in _now(session, use, ask=ask) if content else ():
            old, new = _differ(content or Content(), now, platform_of(use.platform))
            if old != new:
                key = (use.name, at)
                services = (*(found[key].services if key in found else ()), use.service)
                where = use.place or (use.where.place if use.where else "")
                found[key] = Moved(use.image, tuple(dict.fromkeys(services)), old, new, at, where)
    return list(found.values())


def _now(session: Session, use: Use, *, ask: bool) -> Iterator[tuple[str, Content]]:
    pins = session.host.pins()
    here = pins.here(use.image, use.platform)
    if here is not None:
        yield "here", here
    if ask and (here is None or here.digest):
        try:
            yield "at its registry", pins.asked(use.image, use.platform)
        except StackupError as error:
            session.notice(f"{use.image}: {error.message}")


def _differ(held: Content, now: Content, platform: str) -> tuple[str, str]:
    """Digests are compared with digests, images with images."""
    if held.digest and now.digest:
        return held.digest, now.digest
    old = held.images.get(platform, "")
    return old, now.images.get(platform, "") if old else ""
