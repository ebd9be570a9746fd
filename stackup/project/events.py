"""What happens to a stack's containers, as it happens or as it was. Hot."""

from __future__ import annotations

import time

from stackup.errors import UsageError
from stackup.project.containers import require
from stackup.project.resolve import stack_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.project.session import Session
    from stackup.runtime.description import Happening


def events(session: Session, services: tuple[str, ...], *, since: float, until: float) -> Iterator[Happening]:
    """Docker's rule: an end that has passed tells the past up to it, anything else goes on from now or from `since`.

    Containers that `run` made are nobody's replica and are left out, as docker compose does.
    """
    if until and since > until:
        raise UsageError("--since is later than --until", subject="--since", hint="exchange them")
    stack, direct = stack_name(session), session.host.direct
    require(session, direct.containers(stack), services)
    follow = not until or until > time.time()
    for one in direct.events(stack, since=since, until=until, follow=follow):
        if not one["transient"] and (not services or one["service"] in services):
            yield one
