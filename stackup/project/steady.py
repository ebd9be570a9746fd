"""The fast path of a command with nothing to do: a cached stack, and records and kernel that agree with it.

Hot. No lock, no plan, no imports that cost: when the answer is not a plain yes, the caller goes the long way.
"""

from __future__ import annotations

from stackup.project.problems import tell
from stackup.project.resolve import cached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.project.resolve import Resolved
    from stackup.project.session import Session


def steady(session: Session) -> Resolved | None:
    """The stack when everything is as its file says, None when that is not certain."""
    found = cached(session)
    if found is None or found.rows is None or not session.host.unchanged(found.name, found.rows):
        return None
    tell(session, found.problems)
    return found
