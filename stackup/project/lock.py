"""`stackup lock`: write down what each image of a stack is now, and say what is not written down.

A name keeps its content until somebody upgrades it; a digest of a registry's says it for every platform. A new name is
locked to what is on this machine, else to what its registry says of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stackup.diagnostics import Diagnostics
from stackup.errors import StackupError
from stackup.images.locked import Content, Locked, platform_of
from stackup.project import lockfile
from stackup.project.held import require_locked
from stackup.project.problems import rows_of, tell
from stackup.project.resolve import load
from stackup.project.session import Session, Where, no_such_service
from stackup.project.uses import Use, services_of, uses

if TYPE_CHECKING:
    from stackup.engines.engine import Pins
    from stackup.stackfile.load import Loaded


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the lock, name by name: `added`, `changed`, `dropped`; `wrote` whether the file is another one."""

    path: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    dropped: tuple[str, ...]
    wrote: bool = False


def check(session: Session) -> Written:
    """What `lock` would change; raises StackInvalid for every image that is not locked."""
    loaded = _everything(session)
    locked = lockfile.lock_of(session, loaded) or Locked()
    require_locked(session, loaded, replace(locked, strict=True), services_of(loaded))
    needed = {use.name for use in uses(session, loaded, services_of(loaded))}
    return Written(lockfile.path_of(loaded), (), (), tuple(sorted(locked.names.keys() - needed)))


def lock(session: Session, upgrade: Sequence[str] | None = None) -> Written:
    """Writes the lock. `upgrade`: services whose names are looked up anew, none for all; None keeps what is locked."""
    loaded = _everything(session)
    services = services_of(loaded)
    for name in upgrade or ():
        if name not in services:
            raise no_such_service(name, services)
    path = lockfile.path_of(loaded)
    before = lockfile.read(session, path) or Locked()
    renewed = frozenset(services if upgrade == () else upgrade or ())
    after = _contents(session, loaded, before, renewed)
    wrote = not session.dry_run and lockfile.write(path, Locked(after))
    added, dropped = after.keys() - before.names.keys(), before.names.keys() - after.keys()
    changed = [name for name in after.keys() & before.names.keys() if after[name] != before.names[name]]
    return Written(path, tuple(sorted(added)), tuple(sorted(changed)), tuple(sorted(dropped)), wrote)


def _contents(session: Session, loaded: Loaded, before: Locked, renewed: frozenset[str]) -> dict[str, Content]:
    """Raises StackInvalid with every image whose content nobody knows."""
    pins, problems, after = session.host.pins(), Diagnostics(), dict[str, Content]()
    found = list(uses(session, loaded, services_of(loaded)))
    fresh = {use.name for use in found if use.service in renewed}
    for use in found:
        name, platform = use.name, platform_of(use.platform)
        kept = after.get(name) or (Content() if name in fresh else before.names.get(name, Content()))
        try:
            if not kept.digest and platform not in kept.images:
                now = _looked_up(pins, use, fresh=name in fresh)
                kept = Content(now.digest, {**kept.images, **now.images})
            after[name] = kept
        except StackupError as error:
            detail = f'service "{use.service}" needs {use.said}: {error.message}'
            problems.error("SU109", "an image cannot be had", detail=detail, span=use.where, hint=error.hint)
    tell(session, rows_of(problems, loaded.sources))
    return after


def _looked_up(pins: Pins, use: Use, *, fresh: bool) -> Content:
    """What was made here is what it is here: no registry can know it."""
    here = pins.here(use.image, use.platform)
    return here if here and not (fresh and here.digest) else pins.asked(use.image, use.platform)


def _everything(session: Session) -> Loaded:
    """With every profile: what is locked does not hang on who wrote the lock."""
    where = session.where
    kept = {name: getattr(where, name) for name in Where.__slots__ if name not in ("directory", "environ", "profiles")}
    session.where = Where(where.directory, where.environ, **kept, profiles=("*",))
    return load(session)
