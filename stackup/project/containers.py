"""Finding the containers that a direct verb speaks to. Hot: records and liveness, no file where a name is given."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.project.resolve import identify, stack_name
from stackup.project.session import no_such_service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.engines.engine import Container
    from stackup.project.session import Session


def containers(session: Session, services: tuple[str, ...] = ()) -> list[Container]:
    """All of the stack's, or those of the named services; a service that does not exist is an error."""
    stack = stack_name(session)
    rows = session.host.direct.containers(stack)
    require(session, rows, services)
    return [row for row in rows if not services or row["service"] in services]


def require(session: Session, rows: list[Container], services: tuple[str, ...]) -> None:
    """A name that has containers exists; only for others is the file asked."""
    there = {row["service"] for row in rows}
    for name in services:
        if name in there:
            continue
        known: list[str] = sorted(there)
        if not session.where.named:
            found = identify(session)
            known = [*found.services, *found.disabled]
        if name not in known:
            raise no_such_service(name, tuple(known))


def running(session: Session, service: str, index: int = 0) -> Container:
    """The service's running container: the one of that index, else the first; docker compose's words without one."""
    rows = [row for row in containers(session, (service,)) if not row["transient"]]
    if index:
        rows = [row for row in rows if row["index"] == index]
    alive = [row for row in rows if row["state"] in ("running", "paused")]
    if alive:
        return alive[0]
    about = f'service "{service}" is not running' + (f" container #{index}" if index else "")
    raise UsageError(about, subject=service, hint=_why_not(rows, service))


def _why_not(rows: list[Container], service: str) -> str:
    if not rows:
        return f"start it with `stackup up -d {service}`"
    row = rows[0]
    if row["error"] or row["oom_reason"]:
        return row["error"] or row["oom_reason"]
    if row["state"] in ("exited", "dead"):
        return f"it exited with code {row['exit_code']}: see `stackup logs {service}`"
    return f"it is {row['state']}: start it with `stackup start {service}`"
