"""Wait until containers end."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.engines.engine import Container, Direct
    from stackup.project.session import Session

ENDED = ("exited", "dead")


def wait(session: Session, services: tuple[str, ...], tell: Callable[[Container], None]) -> int:
    """Tells each container that has ended; the exit code of the last one in the order of the services."""
    rows = containers(session, services)
    if not rows:
        raise UsageError(f"no containers for services: {', '.join(services)}", hint="run `stackup up -d`")
    code = 0
    for row in rows:
        ended = until_ended(session.host.direct, row)
        code = ended["exit_code"]
        tell(ended)
    return code


def until_ended(direct: Direct, row: Container) -> Container:
    """The container as it was when it had ended for good."""
    last = row
    for seen in direct.watch(row):
        last = seen
        if seen["state"] in ENDED:
            break
    return last
