"""What a log's files say is carried on to a collector: journald or syslog. The files are the buffer.

Hot. A collector that is slow or away holds nobody up: what it has not taken is read again from the files when it is
back, and what these did not keep so long is said to be lost where it is missing (`logs.Tail`). `logs` reads the same
files, so it works whatever the collector is.
"""

from __future__ import annotations

import os
import socket

from stackup.runtime import logforms, logs
from stackup.runtime.loop import WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stackup.runtime.description import Collector
    from stackup.runtime.loop import Loop

_CARRY = "carry"
_BURST = 256
"""Messages at a time: then whoever else waits in the loop has a turn."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_KINDS = {
    "udp": (socket.AF_INET, socket.SOCK_DGRAM),
    "tcp": (socket.AF_INET, socket.SOCK_STREAM),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
    "unixgram": (socket.AF_UNIX, socket.SOCK_DGRAM),
}


class Carrier:
    """`wake` when there is something to read. `problem` says why nothing is taken; `on_problem` that this changed."""

    __slots__ = (
        "_collector", "_entries", "_form", "_left", "_loop", "_message", "_pause", "_socket", "_tail", "behind",
        "on_problem", "problem",
    )  # fmt: skip

    def __init__(self, loop: Loop, folder: str, collector: Collector) -> None:
        self._loop = loop
        self._collector = collector
        self._form = logforms.form(collector)
        self._tail = logs.Tail(folder)
        self._tail.begin(0)
        self._entries: Iterator[logs.Entry] = iter(())
        self._message = self._left = b""
        self._socket: socket.socket | None = None
        self._pause = 0.0
        self.behind = False
        """Something was written that is not carried yet."""
        self.problem = ""
        self.on_problem: Callable[[], None] | None = None

    def wake(self) -> None:
        self.behind = True
        if not self.problem:
            self._loop.after(_CARRY, 0.0, self._carry)

    def _carry(self) -> None:
        try:
            self.behind = self._burst()
            if self.behind:
                self._loop.after(_CARRY, 0.0, self._carry)
        except BlockingIOError:
            self._await_room()
        except OSError as problem:
            self._retreat(problem)

    def _burst(self) -> bool:
        """Whether there is more to carry."""
        wire = self._socket or self._connect()
        for _ in range(_BURST):
            if not self._left:
                self._message = self._left = self._next()
            if not self._left:
                self._met()
                return False
            self._left = self._left[wire.send(self._left) :]
        self._met()
        return True

    def _next(self) -> bytes:
        """The next message, b"" when everything that was written is carried."""
        for _ in range(2):
            for entry in self._entries:
                return self._form(entry)
            self._entries = self._tail.take()
        return b""

    def _connect(self) -> socket.socket:
        kind, address = self._collector["kind"], self._collector["address"]
        family, flavour = _KINDS[kind]
        if ":" in str(address[0]) and family == socket.AF_INET:
            family = socket.AF_INET6
        wire = self._socket = socket.socket(family, flavour)
        wire.setblocking(False)
        self._left = self._message
        wire.connect(address if isinstance(address, str) else tuple(address))
        return wire

    def _await_room(self) -> None:
        if self._socket is not None:
            self._loop.add(self._socket.fileno(), self._room, WRITE)

    def _room(self, fd: int) -> None:
        self._loop.drop(fd)
        wrong = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if self._socket is not None else 0
        if wrong:
            self._retreat(OSError(wrong, os.strerror(wrong)))
        else:
            self._carry()

    def _retreat(self, problem: OSError) -> None:
        self._hang_up()
        self._pause = min(self._pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
        self._loop.after(_CARRY, self._pause, self._carry)
        why = (problem.strerror or str(problem)).lower()
        self._say(f"{self._collector['name']} does not take the output: {why}; it is kept in files and tried again")

    def _met(self) -> None:
        self._pause = 0.0
        self._say("")

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            if self.on_problem is not None:
                self.on_problem()

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._loop.drop(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        self._loop.cancel(_CARRY)
        self._hang_up()
        self._tail.close()
