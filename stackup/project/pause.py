"""Containers made to stand still, and to go on, past all planning. Hot."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.engines.engine import Container
    from stackup.project.session import Session


def pause(session: Session, services: tuple[str, ...], tell: Callable[[Container], None], *, paused: bool) -> None:
    """Of several problems the first is raised, when all have been tried."""
    wanted = "running" if paused else "paused"
    rows = [row for row in containers(session, services) if services or row["state"] == wanted]
    for row in rows:
        if row["state"] not in ("running", "paused"):
            text = f'container "{row["name"]}" is not running'
            raise UsageError(text, subject=row["name"], hint="see `stackup ps -a`")
    hit = ((row, None) for row in rows) if session.dry_run else session.host.direct.pause(rows, paused=paused)
    problems = []
    for row, problem in hit:
        if problem is None:
            tell(row)
        else:
            problems.append(problem)
    if problems:
        raise problems[0]
