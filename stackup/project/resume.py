"""What ran before a reboot runs again: every stack of the machine as it was recorded, without its files.

Docker's rule: `always` comes back whatever was, `unless-stopped` unless somebody stopped it, nothing else does. All
networks and volumes are mended first, since a stack may be on another's. A container waits for what its service depends
on, as far as that is to come back as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stackup.engines.desire.container import CONDITIONS
from stackup.project import edits
from stackup.project.change import Aim, change
from stackup.project.session import Session
from stackup.reconcile.apply import Report
from stackup.reconcile.decide import Policy
from stackup.reconcile.resource import Desired, Need, Observed, Run


def stacks(session: Session) -> list[str]:
    """The one that is named, else all of this machine."""
    named = session.where.named
    return [name for name in session.host.direct.stacks() if named in ("", name)]


def mend(session: Session, stack: str) -> Report:
    """All but containers: a reboot has left nothing of a network but its record."""

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        return _as_recorded((seen for seen in observed if seen.address.kind != edits.CONTAINER), observed, Run.AS_IS)

    return change(session, stack, aiming)


def resume(session: Session, stack: str) -> Report:
    """Starts what is to come back."""
    rows = {row["address"]: row for row in session.host.direct.containers(stack)}

    def comes_back(seen: Observed) -> bool:
        restart, row = seen.recorded.get("restart"), rows.get(str(seen.address))
        policy = restart.get("policy") if isinstance(restart, dict) else "no"
        if row is None or row["state"] == "created":
            return False
        return policy == "always" or (policy == "unless-stopped" and not row["stopped"])

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        return _as_recorded(filter(comes_back, edits.seen_of(observed, ())), observed, Run.RUNNING)

    return change(session, stack, aiming)


def park(session: Session, stack: str) -> Report:
    """Stops everything, dependents first; since the machine goes down and nobody wanted it so, `resume` undoes it."""

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        running = (seen for seen in edits.seen_of(observed, ()) if seen.run is Run.RUNNING)
        return _as_recorded(running, observed, Run.STOPPED)

    return change(session, stack, aiming, parks=True)


def _as_recorded(chosen: Iterable[Observed], observed: tuple[Observed, ...], run: Run) -> Aim:
    """Nothing else may change. What is half-made is left to `up`."""
    sound = [seen for seen in chosen if not seen.broken]
    wanted = (_with_conditions(item) for item in edits.as_recorded(sound, observed, run))
    desired = edits.at_once(wanted)
    return Aim(desired, Policy(scope=frozenset(item.address for item in desired)))


def _with_conditions(item: Desired) -> Desired:
    """The record keeps what its service waits for; of a need only whom it is on."""
    known = item.spec.get("depends_on")
    conditions = known if isinstance(known, dict) else {}

    def meant(need: Need) -> Need:
        asked = conditions.get(need.on.name) if need.on.kind == edits.CONTAINER else None
        if not isinstance(asked, dict):
            return need
        return replace(need, until=CONDITIONS[str(asked["condition"])], required=bool(asked["required"]))

    return replace(item, needs=tuple(map(meant, item.needs)))
