"""A build context that is standard input: received once a command, and from then on an archive like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stackup.errors import UsageError

if TYPE_CHECKING:
    from stackup.project.session import Session
    from stackup.values import Data

STDIN = "-"


def with_input(session: Session, form: Data) -> Data:
    """The normal form of a build with what came; as it is where its context is another, or where nothing came."""
    said: Any = form
    if said["context"] != STDIN:
        return form
    if session.received is None:
        session.received = _received(session)
    return {**said, "context": session.received}


def _received(session: Session) -> str:
    if STDIN in session.where.files:
        hint = "name the stack file, and pipe the context"
        raise UsageError("the stack file and a build context cannot both be standard input", subject=STDIN, hint=hint)
    stream = session.input()
    return session.host.builder().receive(stream) if stream else STDIN
