"""One thread's waiting: descriptors with what to do when they are ready, and named alarms on the monotonic clock.

Hot. The monitor's only place to sleep; nothing in it knows what a container is. Wall-clock jumps do not move an alarm.
"""

from __future__ import annotations

import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT


class Loop:
    """`add` and `at` say what; `turn` waits once and calls what is due. A callback may add and drop anything."""

    __slots__ = ("_alarms", "_callbacks", "_epoll")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._alarms: dict[str, tuple[float, Callable[[], None]]] = {}

    def add(self, fd: int, callback: Callable[[int], None], events: int = READ) -> None:
        """Watch a descriptor, or change what an already watched one waits for."""
        if fd in self._callbacks:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._callbacks[fd] = callback

    def drop(self, fd: int) -> None:
        """Stop watching. Before the descriptor is closed, since epoll watches the open file and not its number."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, name: str, deadline: float, callback: Callable[[], None]) -> None:
        """Call once at `deadline` (time.monotonic seconds); the name replaces an earlier alarm of that name."""
        self._alarms[name] = (deadline, callback)

    def after(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        self.at(name, time.monotonic() + seconds, callback)

    def cancel(self, name: str) -> None:
        self._alarms.pop(name, None)

    def turn(self, limit: float = -1) -> None:
        """Wait for the next descriptor or alarm, at most `limit` seconds (-1: as long as it takes), and act."""
        now = time.monotonic()
        for deadline, _ in self._alarms.values():
            left = max(0.0, deadline - now)
            limit = left if limit < 0 else min(limit, left)
        for fd, _events in self._epoll.poll(limit):
            callback = self._callbacks.get(fd)
            if callback is not None:
                callback(fd)
        now = time.monotonic()
        due = sorted((deadline, name) for name, (deadline, _) in self._alarms.items() if deadline <= now)
        for _, name in due:
            alarm = self._alarms.pop(name, None)
            if alarm is not None:
                alarm[1]()

    def close(self) -> None:
        self._epoll.close()
        self._callbacks.clear()
        self._alarms.clear()


def heed_termination(loop: Loop, call: Callable[[], None]) -> None:
    """A machine that shuts down sends SIGTERM to everybody: that is a stop. What a terminal sends is not for us."""
    wake, wake_w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)

    def woken(fd: int) -> None:
        os.read(fd, 64)
        call()

    loop.add(wake, woken)
