"""Bring a stack, or some of its services, to what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stackup.engines.desire import Wish
from stackup.errors import UsageError
from stackup.kernel.files import make_dir, read_json, write_json
from stackup.project import autoports, edits
from stackup.project.change import Aim, change, orphans
from stackup.project.deadline import deadline
from stackup.project.resolve import Resolved, identify, load, resolve
from stackup.project.session import Session
from stackup.reconcile.apply import Report
from stackup.reconcile.decide import Policy
from stackup.reconcile.resource import Desired, Observed, Run
from stackup.values import Address


@dataclass(frozen=True, slots=True)
class UpOptions:
    """`run`: AS_IS makes containers and starts none. `stop_timeout` and `wait_timeout` are seconds."""

    services: tuple[str, ...] = ()
    scale: Mapping[str, int] = field(default_factory=dict)
    ports: str = ""
    """`auto`: free ports of the host instead of the file's, from now on; `file`: the file's again."""
    run: Run = Run.RUNNING
    no_deps: bool = False
    force_recreate: bool = False
    no_recreate: bool = False
    always_recreate_deps: bool = False
    renew_volumes: bool = False
    remove_orphans: bool = False
    ignore_orphans: bool = False
    wait: bool = False
    wait_timeout: float | None = None
    stop_timeout: float | None = None
    pull: str = ""
    """Before every service's own `pull_policy`; empty: as each says."""
    build: Literal["due", "all", "none"] = "due"
    """Which images are built on the way: see `Wish`."""

    def check(self) -> None:
        """Raises UsageError for options that contradict each other."""
        if self.force_recreate and self.no_recreate:
            raise UsageError("--force-recreate and --no-recreate are incompatible")
        if self.no_recreate and (self.always_recreate_deps or self.renew_volumes):
            other = "--always-recreate-deps" if self.always_recreate_deps else "--renew-anon-volumes"
            raise UsageError(f"{other} and --no-recreate are incompatible")


def resolve_for(session: Session, options: UpOptions) -> Resolved:
    """The stack bent as the options say."""
    options.check()
    if options.ports:
        autoports.heed(session, options.ports, load(session))
    bent = options.scale or options.pull or options.build != "due"
    wish = Wish(scale=dict(options.scale), pull=options.pull, build=options.build) if bent else None
    resolved = resolve(session, options.services, wish=wish)
    resolved.require(tuple(options.scale))
    return resolved


def up(session: Session, options: UpOptions) -> Report:
    resolved = resolve_for(session, options)

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        if not (options.remove_orphans or options.ignore_orphans):
            _tell_orphans(session, observed, resolved)
        return aim_of(resolved, options, observed)

    with deadline(session, options.wait_timeout) as late:
        report = change(session, resolved.name, aiming, stop_timeout=options.stop_timeout)
    late.check(report)
    if not session.dry_run:
        remember(session, resolved)
    return report


def aim_of(resolved: Resolved, options: UpOptions, observed: tuple[Observed, ...]) -> Aim:
    """The desired set and policy of `up`; pure."""
    desired = resolved.desired
    if options.services:
        choose = edits.without_needs if options.no_deps else edits.with_needs
        desired = choose(desired, options.services)
    if options.run is not Run.RUNNING:
        desired = edits.with_run(desired, options.run)
    policy = Policy(
        known=resolved.pairs,
        orphans=options.remove_orphans,
        recreate=_recreate(resolved, options, desired, observed),
        no_recreate=options.no_recreate,
        wait=options.wait,
    )
    return Aim(desired, policy)


def _recreate(
    resolved: Resolved, options: UpOptions, desired: tuple[Desired, ...], observed: tuple[Observed, ...]
) -> frozenset[Address]:
    """Docker compose's rule: forced, the named services are made anew; their dependencies only when asked."""
    names = options.services or tuple(resolved.services)
    found: set[Address] = set()
    if options.force_recreate:
        found |= set(edits.of_services(desired, names))
    if options.always_recreate_deps:
        found |= set(edits.of_services(desired, (*resolved.services, *resolved.disabled)))
    if options.renew_volumes:
        found |= _anonymous(desired, resolved)
    return frozenset(found & {seen.address for seen in observed})


def _anonymous(desired: tuple[Desired, ...], resolved: Resolved) -> set[Address]:
    pairs = resolved.pairs
    return {
        item.address
        for item in desired
        if item.address.kind == "volume" and (item.address.kind, item.address.name) not in pairs
    }


def _tell_orphans(session: Session, observed: tuple[Observed, ...], resolved: Resolved) -> None:
    found = orphans(observed, resolved.pairs)
    if found:
        names = ", ".join(str(seen.recorded.get("name", seen.address)) for seen in found)
        session.notice(
            f"found orphan containers ({names}) for this stack: if you removed or renamed a service, "
            "run this command with --remove-orphans to clean up"
        )


def remember(session: Session, resolved: Resolved) -> None:
    """Note which files the stack is from, for `ls`; written only when that has changed."""
    path = session.layout.stack_file(resolved.name)
    note = {"format": 1, "directory": resolved.directory, "files": resolved.files}
    if read_json(path) != note:
        make_dir(session.layout.stack_dir(resolved.name))
        write_json(path, note, durable=False)


def remove_orphans(session: Session) -> Report:
    """Only that: containers of services that the file does not have go, everything else stays as it is."""
    found = identify(session)

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        scope = frozenset(seen.address for seen in orphans(observed, found.pairs))
        return Aim((), Policy(known=found.pairs, scope=scope, orphans=True))

    return change(session, found.name, aiming)
