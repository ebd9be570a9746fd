"""What Ctrl-C means while a plan is applied: the first asks the work to end, the second ends the command.

Installed around the work only and put back after it; a command that changes nothing keeps Python's own ways.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from stackup.project.session import Session
from stackup.reconcile.apply import Interrupt

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible(session: Session, told: Callable[[], None] = lambda: None) -> Iterator[Interrupt]:
    """`told` runs at the first signal."""
    interrupt = session.interrupt = Interrupt()

    def first(number: int, frame: FrameType | None) -> None:
        if interrupt.cancelled:
            raise KeyboardInterrupt
        interrupt.set()
        told()

    with heeding(first):
        yield interrupt


@contextmanager
def heeding(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
