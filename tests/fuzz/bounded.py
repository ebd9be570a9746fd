"""A bound on the processor time of one case, so that a machine that is busy elsewhere changes nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fuzz.targets import Target

SECONDS = 10.0
"""A hundred times what the slowest case takes."""


class TooLong(Exception):
    """The case took more processor time than any case may."""


@contextmanager
def bounded(seconds: float = SECONDS) -> Iterator[None]:
    """Counts this process's own time in user mode (ITIMER_VIRTUAL), not the clock on the wall."""

    def stop(*_: object) -> None:
        raise TooLong(f"more than {seconds} seconds of processor time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def check(target: Target, case: Any) -> None:
    with bounded():
        target.check(case)
