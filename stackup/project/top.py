"""The processes of containers. Hot."""

from __future__ import annotations

from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.engines.engine import Container
    from stackup.project.session import Session


def top(session: Session, services: tuple[str, ...] = ()) -> list[tuple[Container, list[dict[str, str]]]]:
    """Each running container with its processes."""
    direct = session.host.direct
    return [
        (row, direct.processes(row)) for row in containers(session, services) if row["state"] in ("running", "paused")
    ]
