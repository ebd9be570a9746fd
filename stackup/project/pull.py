"""Bring the images of a stack's services, or one image, into the store: a plan of images only, applied as any other.

It takes no stack's lock and writes no stack's history, since it changes no stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Look
from stackup.engines.desire.images import look_of, to_fetch
from stackup.engines.memory.world import mirror
from stackup.errors import StackupError, UsageError
from stackup.layout import UNSTACKED
from stackup.project.change import Aim, Unwritten, draft
from stackup.project.held import require_locked
from stackup.project.lockfile import held
from stackup.project.resolve import load
from stackup.project.session import Session, no_such_service
from stackup.reconcile.apply import Interrupt, Report, apply
from stackup.reconcile.decide import Policy
from stackup.reconcile.resource import Desired

if TYPE_CHECKING:
    from stackup.stackfile.model import Service


@dataclass(frozen=True, slots=True)
class PullOptions:
    """`policy`: `missing` leaves what is here, `always` asks also where a service says otherwise; empty: as it says."""

    services: tuple[str, ...] = ()
    policy: str = ""
    include_deps: bool = False
    ignore_buildable: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """`present` needed nothing; `failures` could not even be found, by the name of the image. `buildable` could not
    either, and need not: it can be built."""

    report: Report
    present: tuple[str, ...]
    failures: Mapping[str, StackupError]
    buildable: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.report.ok and not self.failures


def pull(session: Session, options: PullOptions) -> Pulled:
    """The images of all services, or of some."""
    loaded, locked = held(session, load(session, options.services, fresh=True))
    assert loaded.stack is not None, "load() has seen to it"
    services = loaded.stack.services
    for name in options.services:
        if name not in services:
            raise no_such_service(name, tuple(services))
    chosen = with_needs(services, options) if options.services else tuple(services)
    require_locked(session, loaded, locked, chosen)
    looks: dict[tuple[str, Look], None] = {}
    for service in (services[name] for name in chosen):
        look = _look(service, options)
        if look.ask and not (options.ignore_buildable and service.build):
            image = service.image or ""
            pin = locked.pinned(image, look.platform) if locked and not service.build else None
            looks[pin or image, look] = None
    pulled = fetch(session, loaded.name, looks)
    built = {services[name].image for name in chosen if services[name].build}
    failures = {name: error for name, error in pulled.failures.items() if name not in built}
    return replace(pulled, failures=failures, buildable=tuple(name for name in pulled.failures if name in built))


def pull_image(session: Session, reference: str, platform: str = "") -> Pulled:
    """One image by its name, whatever is here."""
    if reference == "host":
        raise UsageError('image "host" means this machine, which is here already', subject=reference)
    return fetch(session, UNSTACKED, [(reference, Look(0.0, platform=platform))])


def fetch(session: Session, stack: str, looks: Iterable[tuple[str, Look]]) -> Pulled:
    """All are looked for before the first is pulled; those that cannot be found do not keep the others away."""
    asked = list(looks)
    facts = session.host.facts()
    facts.expect(asked)
    wanted: list[Desired] = []
    present: list[str] = []
    failures: dict[str, StackupError] = {}
    for name, look in asked:
        try:
            fact = facts.image(name, look)
        except StackupError as error:
            failures[name] = error
            continue
        if fact is not None and fact.fetch is not None:
            wanted.append(to_fetch(fact.fetch, look))
        else:
            present.append(name)
    return Pulled(bring_in(session, stack, tuple(wanted)), tuple(present), failures)


def bring_in(session: Session, stack: str, wanted: tuple[Desired, ...]) -> Report:
    """Pulls and builds images, and does nothing else."""
    engine = session.host.engine(stack)
    try:
        plan = draft(engine, stack, (), Aim(tuple({item.address: item for item in wanted}.values()), Policy()))
        session.confirm(plan)
        kinds = mirror(engine.kinds, stack, ()).kinds if session.dry_run else engine.kinds
        interrupt = session.interrupt or Interrupt()
        return apply(plan, kinds, sink=session.sink, log=Unwritten(), interrupt=interrupt, limit=session.parallel)
    finally:
        engine.close()


def _look(service: Service, options: PullOptions) -> Look:
    """Asked for by name, an image is looked at anew, unless its service says that what is here will do. One that can be
    built is asked for as well: it may be at a registry already."""
    look = look_of(service, options.policy)
    said = options.policy or service.pull_policy
    asked = replace(look, ask=bool(service.image) and said not in ("never", "build"))
    return asked if said in ("missing", "if_not_present", "never") else replace(asked, age=0.0)


def with_needs(services: Mapping[str, Service], options: PullOptions) -> tuple[str, ...]:
    chosen = dict.fromkeys(options.services)
    pending = list(chosen) if options.include_deps else []
    while pending:
        more = [name for name in services[pending.pop()].depends_on if name in services and name not in chosen]
        chosen |= dict.fromkeys(more)
        pending += more
    return tuple(chosen)
