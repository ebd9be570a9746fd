"""What containers use, from one look to the next. Hot."""

from __future__ import annotations

import time

from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.engines.engine import Container
    from stackup.project.session import Session
    from stackup.runtime.description import Usage

EVERY_S = 1.0


def stats(
    session: Session, services: tuple[str, ...] = (), *, everything: bool = False
) -> Iterator[list[tuple[Container, Usage, Usage]]]:
    """Each container with what it had used at the last look and at this one, without end; a new one's are the same.

    The first answer takes a moment, since use has no rate without two looks.
    """
    direct = session.host.direct
    before: dict[str, Usage] = {}
    while True:
        rows = containers(session, services)
        rows = [row for row in rows if everything or row["state"] in ("running", "paused")]
        now = {row["instance"]: direct.usage(row) for row in rows}
        if before or not rows:
            yield [(row, before.get(row["instance"], now[row["instance"]]), now[row["instance"]]) for row in rows]
        before = now
        time.sleep(EVERY_S)
