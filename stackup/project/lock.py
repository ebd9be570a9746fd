"""`stackup lock`: write down what each image of a stack is now, and say what is not written down.

A name keeps its content until somebody upgrades it; a digest of a registry's says it for every platform. A new name is
locked to what is on this machine, else to what its registry says of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stackup.diagnostics import Diagnostics
from stackup.engines.desire.builds import own_names
from stackup.errors import StackupError
from stackup.images.locked import Content, Locked, platform_of
from stackup.project import lockfile
from stackup.project.held import built_of, require_locked
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
    whole = _everything(session)
    kept = lockfile.read(session, whole) or Locked()
    loaded, locked = lockfile.hold(whole, kept)
    require_locked(session, loaded, replace(locked, strict=True), services_of(loaded))
    needed = {use.name for use in uses(session, loaded, services_of(loaded))}
    idle = (kept.names.keys() - needed) | (kept.built.keys() - set(built_of(whole)))
    return Written(lockfile.path_of(session, whole), (), (), tuple(sorted(idle)))


def lock(session: Session, upgrade: Sequence[str] | None = None) -> Written:
    """Writes the lock. `upgrade`: services whose names are looked up anew, and which are built again if they came
    built; none for all. None keeps what is locked."""
    whole = _everything(session)
    services = services_of(whole)
    for name in upgrade or ():
        if name not in services:
            raise no_such_service(name, services)
    before, path = lockfile.read(session, whole) or Locked(), lockfile.path_of(session, whole)
    renewed = frozenset(services if upgrade == () else upgrade or ())
    built = {name: before.built[name] for name in built_of(whole) if name in before.built and name not in renewed}
    after = Locked(_contents(session, whole, replace(before, built=built), renewed), built=built)
    wrote = not session.dry_run and lockfile.write(path, after)
    old, new = ({**one.names, **one.built} for one in (before, after))
    changed = [name for name in new.keys() & old.keys() if new[name] != old[name]]
    return Written(
        path,
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(changed)),
        tuple(sorted(old.keys() - new.keys())),
        wrote,
    )


def _contents(session: Session, whole: Loaded, before: Locked, renewed: frozenset[str]) -> dict[str, Content]:
    """Raises StackInvalid with every image whose content nobody knows."""
    pins, problems, after = session.host.pins(), Diagnostics(), dict[str, Content]()
    assert whole.stack is not None, "load() has seen to it"
    loaded, own = lockfile.hold(whole, before)[0], own_names(whole.stack)
    found = [use for use in uses(session, loaded, services_of(loaded)) if use.name not in own]
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
