"""Processes that enter a running container: `exec` and health probes, as children of its monitor.

Hot. Born straight into the container's pid namespace, so the kernel kills them with it and the monitor reaps them; each
in a control group of its own beneath the container's, so that ending one ends its whole tree.
"""

from __future__ import annotations

import os

from stackup.errors import HostError
from stackup.runtime import child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from stackup.runtime.description import Description, Process
    from stackup.runtime.loop import Loop

    Join = Callable[["Description", "Process", int, list[str], int], object]
    """(description, process, the container's init pid, control groups, report descriptor) -> never returns."""


class Inside:
    """A running container as guests see it: where its pid namespace is, and what its processes are."""

    __slots__ = ("_counter", "_join", "_loop", "_own_pid_ns", "_pid_ns", "description", "guests", "init")

    def __init__(self, loop: Loop, description: Description, init: child.Child, join: Join) -> None:
        self._loop = loop
        self._join = join
        self._counter = 0
        self.description = description
        self.init = init
        self.guests: list[Guest] = []
        self._own_pid_ns = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._pid_ns = os.open(f"/proc/{init.pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as problem:
            os.close(self._own_pid_ns)
            raise HostError("the container ended as it was entered", subject=description["name"]) from problem

    def enter(self, process: Process, stdio: Sequence[int]) -> Guest:
        """Start a guest with these three streams; its set-up's answer and its end come through the loop."""
        self._counter += 1
        groups = list(self.description["cgroups"])

        def body(report: int) -> None:
            self._join(self.description, process, self.init.pid, groups, report)

        born = child.fork(0, stdio, body, pid_ns=(self._pid_ns, self._own_pid_ns))
        guest = Guest(self._loop, born, self)
        self.guests.append(guest)
        return guest

    def close(self) -> None:
        """The container is gone, and its guests with it."""
        for guest in list(self.guests):
            guest.kill()
        os.close(self._pid_ns)
        os.close(self._own_pid_ns)


class Guest:
    """One of them. `on_answer(failure or None)` and then `on_end(exit code)` are called once each."""

    __slots__ = ("_child", "_inside", "_loop", "on_answer", "on_end")

    def __init__(self, loop: Loop, born: child.Child, inside: Inside) -> None:
        self._loop = loop
        self._child = born
        self._inside = inside
        self.on_answer: Callable[[dict[str, Any] | None], None] = _ignore
        self.on_end: Callable[[int], None] = _ignore
        loop.add(born.report, self._answered)
        loop.add(born.pidfd, self._ended)

    def _answered(self, _fd: int) -> None:
        self._loop.drop(self._child.report)
        self.on_answer(self._child.answer())

    def _ended(self, _fd: int) -> None:
        if self._child.report >= 0:
            self._answered(self._child.report)
        self._loop.drop(self._child.pidfd)
        code = self._child.reap()
        if self in self._inside.guests:
            self._inside.guests.remove(self)
        self.on_end(code)

    def signal(self, number: int) -> bool:
        return self._child.signal(number)

    def kill(self) -> None:
        """The whole tree; its end comes through the loop as any other."""
        self._child.signal(9)


def _ignore(_value: object) -> None:
    """Nobody waits for this any longer."""
