"""Processes that enter a running container: `exec` and health probes, as children of its monitor.

Hot. Born straight into the container's pid namespace, so the kernel kills them with it and the monitor reaps them; each
in a control group of its own beneath the container's, so that ending one ends its whole tree.
"""

from __future__ import annotations

import signal

from stackup.kernel import cgroupfs
from stackup.runtime import bootstrap, child, namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from stackup.runtime.description import Description, Process
    from stackup.runtime.loop import Loop
    from stackup.runtime.streams import Stdio


_PATIENCE_S = 0.2
"""For a group's last processes to go: the monitor has other things to do than to wait for one in D state."""


class Inside:
    """A running container as guests see it; `guests` are those that run."""

    __slots__ = ("_counter", "_loop", "description", "guests", "init")

    def __init__(self, loop: Loop, description: Description, init: child.Child) -> None:
        self._loop = loop
        self._counter = 0
        self.description = description
        self.init = init
        self.guests: list[Guest] = []

    def enter(self, process: Process, stdio: Stdio) -> Guest:
        """Start a guest with these streams; its set-up's answer and its end come through the loop."""
        self._counter += 1
        home = self.description["cgroups"]
        name = f"guest-{self._counter}"
        groups = cgroupfs.child(home, name) if home else []
        own = [group for group in groups if group not in home]

        def body(report: int) -> None:
            bootstrap.join(
                process, init_pidfd=self.init.pidfd, cgroups=groups, report_fd=report, tty_fd=stdio.console_inner
            )

        try:
            born = child.fork(lambda: namespaces.clone_joined(self.init.pidfd), stdio.inner, body)
        except BaseException:
            cgroupfs.remove(own, _PATIENCE_S)
            raise
        guest = Guest(self._loop, born, self, own, name)
        self.guests.append(guest)
        return guest

    def close(self) -> None:
        """The container is gone, and its guests with it."""
        for guest in list(self.guests):
            guest.kill()


class Guest:
    """One of them. `on_answer(failure or None)` and then `on_end(exit code)` are called once each."""

    __slots__ = ("_child", "_group", "_inside", "_loop", "name", "on_answer", "on_end")

    def __init__(self, loop: Loop, born: child.Child, inside: Inside, group: list[str], name: str) -> None:
        self._loop = loop
        self.name = name
        self._child = born
        self._inside = inside
        self._group = group
        self.on_answer: Callable[[dict[str, Any] | None], None] = nobody
        self.on_end: Callable[[int], None] = nobody
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
        cgroupfs.kill(self._group, _PATIENCE_S)
        cgroupfs.remove(self._group, _PATIENCE_S)
        self.on_end(code)

    def signal(self, number: int) -> bool:
        return self._child.signal(number)

    def kill(self) -> None:
        """The whole tree; its end comes through the loop as any other."""
        self._child.signal(signal.SIGKILL)
        cgroupfs.kill(self._group, _PATIENCE_S)


def nobody(_value: object) -> None:
    """Nobody waits for this any longer."""
