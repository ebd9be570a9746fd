"""A signal to containers, past all planning. Hot."""

from __future__ import annotations

from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.engines.engine import Container
    from stackup.project.session import Session


def kill(
    session: Session, services: tuple[str, ...], signal: str, tell: Callable[[Container], None]
) -> list[Container]:
    """Those that got the signal; none is running: none."""
    alive = [row for row in containers(session, services) if row["state"] in ("running", "paused", "restarting")]
    hit = ((row, None) for row in alive) if session.dry_run else session.host.direct.kill(alive, signal)
    problems = []
    for row, problem in hit:
        if problem is None:
            tell(row)
        else:
            problems.append(problem)
    if problems:
        raise problems[0]
    return alive
