"""Which containers there are, as rows. Hot, except when asked how they stand to the file."""

from __future__ import annotations

from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.engines.engine import Container
    from stackup.project.session import Session

ALIVE = ("running", "paused", "restarting")


def ps(
    session: Session,
    services: tuple[str, ...] = (),
    *,
    everything: bool = False,
    states: tuple[str, ...] = (),
    orphans: bool = True,
) -> list[Container]:
    """By service and index. Without `everything` or states, only those alive."""
    rows = containers(session, services)
    if states:
        rows = [row for row in rows if row["state"] in states]
    elif not everything:
        rows = [row for row in rows if row["state"] in ALIVE]
    if not orphans:
        known = _known_services(session)
        rows = [row for row in rows if known is None or row["service"] in known]
    return rows


def _known_services(session: Session) -> set[str] | None:
    from stackup.project.resolve import identify

    found = identify(session)
    return None if found.known is None else {*found.services, *found.disabled}


def standing(session: Session) -> dict[str, str]:
    """Address to how it stands to the file: current, drifted, stale or degraded. Plans, so it is not hot."""
    from stackup.project.plan import plan
    from stackup.project.up import UpOptions
    from stackup.reconcile.plan import Action, Cause

    found: dict[str, str] = {}
    for change in plan(session, UpOptions(ignore_orphans=True)).changes:
        causes = {reason.cause for reason in change.reasons}
        if change.idle:
            word = "current" if change.desired else "orphaned"
        elif Cause.FILE in causes or change.action is Action.DELETE:
            word = "stale"
        elif Cause.DRIFT in causes:
            word = "drifted"
        else:
            word = "degraded"
        found[str(change.address)] = word
    return found
