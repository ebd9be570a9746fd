"""A program inside a running container, and joining a container's own streams. Hot."""

from __future__ import annotations

from stackup.errors import HostError
from stackup.project.containers import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.engines.engine import AttachRequest, ExecRequest
    from stackup.project.session import Session


def execute(session: Session, service: str, request: ExecRequest, *, index: int = 0) -> int:
    """The program's own exit code; 0 when it was only set going."""
    try:
        return session.host.direct.exec(running(session, service, index), request)
    except HostError as problem:
        if problem.code == "program-not-found":
            problem.hint = ""  # it is about the file's `command:`, and this one the user has typed
        raise


def attach(session: Session, service: str, request: AttachRequest, *, index: int = 0) -> int:
    """The exit code of the container."""
    return session.host.direct.attach(running(session, service, index), request)
