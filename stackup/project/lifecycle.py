"""`stop`, `start`, `restart`, `create`, `rm`, `scale`: small edits of the desired set.

All but `create` and `scale` want the containers as recorded: what has changed in the file since is `up`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass

from stackup.engines.desire import Wish
from stackup.errors import StackInvalid, UsageError
from stackup.project import edits
from stackup.project.change import Aim, change
from stackup.project.deadline import deadline
from stackup.project.resolve import Resolved, cached, identify, resolve
from stackup.project.session import Session, no_such_service
from stackup.project.up import UpOptions, up
from stackup.reconcile.apply import Report
from stackup.reconcile.decide import Policy
from stackup.reconcile.resource import Desired, Observed, Run
from stackup.values import Address


@dataclass(frozen=True, slots=True)
class Selected:
    """Which services a verb is about; `timeout` is how long a stop may take, in seconds."""

    services: tuple[str, ...] = ()
    timeout: float | None = None
    no_deps: bool = False
    wait: bool = False
    wait_timeout: float | None = None


def stop(session: Session, options: Selected) -> Report:
    found = identify(session)

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        there = _chosen(found, observed, options.services)
        return _as_is(found, edits.as_recorded(_sound(there), observed, Run.STOPPED))

    return change(session, found.name, aiming, stop_timeout=options.timeout)


def start(session: Session, options: Selected) -> Report:
    """Services that are named come with what they need; one without containers is an error, as with docker compose."""
    found = _with_file(session)

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        chosen = {seen.address for seen in _chosen(found, observed, options.services)}
        _require_containers(found, observed, options.services)
        wanted = _running(found, observed)
        if options.services:
            names = tuple({edits.service_of(i.address, i.spec) for i in wanted if i.address in chosen})
            wanted = edits.without_needs(wanted, names) if options.no_deps else edits.with_needs(wanted, names)
        return _as_is(found, wanted, wait=options.wait)

    with deadline(session, options.wait_timeout if options.wait else None) as late:
        report = change(session, found.name, aiming)
    late.check(report)
    return report


def restart(session: Session, options: Selected) -> Report:
    """Stops and starts, and takes along whoever depends on a restarted one with `restart: true`."""
    found = _with_file(session)

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        everything = _running(found, observed)
        chosen = frozenset(seen.address for seen in _chosen(found, observed, options.services))
        if not options.no_deps:
            chosen = edits.followers(everything, chosen)
        wanted = edits.at_once(item for item in everything if item.address in chosen)
        return _as_is(found, wanted, restart=chosen)

    return change(session, found.name, aiming, stop_timeout=options.timeout)


def create(session: Session, options: UpOptions) -> Report:
    """`up` that starts nothing; `options.run` must be AS_IS."""
    return up(session, options)


def scale(session: Session, counts: dict[str, int], *, no_deps: bool = False) -> Report:
    """Other numbers of replicas, until the next `up`."""
    options = UpOptions(services=tuple(counts), scale=counts, no_deps=no_deps, ignore_orphans=True)
    return up(session, options)


@dataclass(frozen=True, slots=True)
class RemoveOptions:
    services: tuple[str, ...] = ()
    stop: bool = False
    volumes: bool = False


def remove(session: Session, options: RemoveOptions) -> Report:
    """Removes containers that do not run; `stop` stops the others first. `volumes`: their anonymous ones too."""
    found = identify(session)

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        there = edits.seen_of(observed, options.services)
        chosen = {seen.address for seen in there if options.stop or seen.run is not Run.RUNNING}
        if options.volumes:
            chosen |= _own_volumes(observed, chosen, found)
        known = frozenset((seen.address.kind, seen.address.name) for seen in observed)
        policy = Policy(known=known, scope=frozenset(chosen), clear=True, data=options.volumes)
        return Aim((), policy)

    if found.known is not None:
        found.require(options.services)
    return change(session, found.name, aiming)


def _own_volumes(observed: tuple[Observed, ...], containers: set[Address], found: Resolved) -> set[Address]:
    held = {address for seen in observed if seen.address in containers for address in seen.holds}
    others = {address for seen in observed if seen.address not in containers for address in seen.holds}
    pairs = found.pairs
    return {
        address for address in held - others if address.kind == "volume" and (address.kind, address.name) not in pairs
    }


def _chosen(found: Resolved, observed: tuple[Observed, ...], services: tuple[str, ...]) -> list[Observed]:
    """The containers of the named services. An orphan can be named; what neither file nor host has is an error."""
    for name in services:
        if name not in (*found.services, *found.disabled) and not edits.seen_of(observed, (name,)):
            raise no_such_service(name, (*found.services, *found.disabled))
    return edits.seen_of(observed, services)


def _sound(observed: list[Observed]) -> list[Observed]:
    """A half-made container is `up`'s to mend, not for a stop to make anew."""
    return [seen for seen in observed if not seen.broken]


def _as_is(
    found: Resolved, desired: tuple[Desired, ...], *, restart: frozenset[Address] = frozenset(), wait: bool = False
) -> Aim:
    """Nothing but these may change, and these only in their run state."""
    scope = frozenset(item.address for item in desired)
    return Aim(desired, Policy(known=found.pairs, scope=scope, no_recreate=True, restart=restart, wait=wait))


def _running(found: Resolved, observed: tuple[Observed, ...]) -> tuple[Desired, ...]:
    """All of the stack's containers, wanted as they are and running."""
    file = {item.address: item for item in found.desired}
    return edits.as_recorded(_sound(edits.seen_of(observed, ())), observed, Run.RUNNING, file)


def _require_containers(found: Resolved, observed: tuple[Observed, ...], services: tuple[str, ...]) -> None:
    there = {edits.service_of(seen.address, seen.recorded) for seen in observed if seen.address.kind == "container"}
    containers = (item for item in found.desired if item.address.kind == "container")
    wanted = services or {edits.service_of(item.address, item.spec) for item in containers}
    for service in sorted(set(wanted) - there):
        raise UsageError(f'service "{service}" has no container to start', subject=service, hint="run `stackup up`")


def _with_file(session: Session) -> Resolved:
    """The stack with the meaning of its needs where that can be had, else only its name: a container as recorded needs
    no variable that was set when it was made.
    """
    known = cached(session) is not None
    if session.where.named and not known:
        return identify(session)
    try:
        return resolve(session, wish=None if known else Wish(pull="never", build="none"))
    except StackInvalid:
        return identify(session)
