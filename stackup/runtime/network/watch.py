"""Many descriptors behind one: an epoll that owns callbacks, so that a monitor's loop waits for a single descriptor.

An epoll descriptor is itself readable when something in it is (epoll(7)). Single-threaded, level-triggered. Hot.
"""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class Watch:
    __slots__ = ("_calls", "_epoll", "_masks")

    def __init__(self) -> None:
        self._epoll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._calls: dict[int, Callable[[int], None]] = {}
        self._masks: dict[int, int] = {}

    def fileno(self) -> int:
        return self._epoll.fileno()

    def add(self, fd: int, mask: int, call: Callable[[int], None]) -> None:
        """`call(events)` is called while one of `mask` holds; errors and hang-ups are always told."""
        self._epoll.register(fd, mask)
        self._calls[fd] = call
        self._masks[fd] = mask

    def change(self, fd: int, mask: int) -> None:
        if self._masks.get(fd, mask) != mask:
            self._epoll.modify(fd, mask)
            self._masks[fd] = mask

    def drop(self, fd: int) -> None:
        """Forgets a descriptor; call it before closing, since epoll holds the open file and not the number."""
        if self._calls.pop(fd, None) is not None:
            del self._masks[fd]
            self._epoll.unregister(fd)

    def run(self) -> None:
        """Serves whatever is ready now; never waits."""
        for fd, events in self._epoll.poll(0):
            call = self._calls.get(fd)
            if call is not None:  # an earlier callback of this round may have dropped it
                call(events)

    def close(self) -> None:
        self._epoll.close()
