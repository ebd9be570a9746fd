"""`--wait-timeout`: a run that is interrupted, as by Ctrl-C, when its time is over; and then that is an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stackup.errors import HostError
from stackup.project.session import Session
from stackup.reconcile.apply import Interrupt, Report


class Late:
    """Whether the time was over before the end."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._over = threading.Event()

    def ring(self, interrupt: Interrupt) -> None:
        self._over.set()
        interrupt.set()

    def check(self, report: Report) -> None:
        """Raises HostError when the report is one of a run that took too long."""
        if self._over.is_set() and report.interrupted:
            raise HostError(
                f'stack "{report.plan.stack}" is not ready after {self.seconds:g} s',
                subject=report.plan.stack,
                hint="see `stackup ps` and `stackup logs`, or give it more time with --wait-timeout",
            )


@contextmanager
def deadline(session: Session, seconds: float | None) -> Iterator[Late]:
    """None: as long as it takes."""
    late = Late(seconds)
    if seconds is None:
        yield late
        return
    interrupt = session.interrupt = session.interrupt or Interrupt()
    timer = threading.Timer(seconds, late.ring, (interrupt,))
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
