"""Programs that a stack file has run in a container after its start and before its stop, one after the other.

Hot. They enter as `exec` does; what they write stands in the container's log. The first that fails ends the list, and
whoever asked is told which and how; what follows from that is not decided here.
"""

from __future__ import annotations

from stackup.errors import HostError, StackupError
from stackup.runtime import child
from stackup.runtime.streams import Pump, Stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from stackup.runtime.description import Process
    from stackup.runtime.guest import Inside
    from stackup.runtime.monitor import Monitor

    Over = Callable[[StackupError | None], None]

STREAM = b"hooks "
"""Its place among a log's streams, which have names of six letters."""


class Hooks:
    """`over(None)` when all have ended well, else `over(problem)`, once. `what` is the file's word for them."""

    __slots__ = ("_inside", "_log", "_loop", "_over", "_processes", "_what")

    def __init__(self, monitor: Monitor, inside: Inside, what: str, over: Over) -> None:
        self._loop = monitor.loop
        self._inside = inside
        self._log = monitor.log.writer
        self._what = what
        self._over = over
        self._processes: Sequence[Process] = ()

    def run(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._go_on(0)

    def _go_on(self, at: int) -> None:
        if at == len(self._processes):
            self._over(None)
            return
        stdio = Stdio.one_pipe()
        try:
            guest = self._inside.enter(self._processes[at], stdio)
        except StackupError as problem:
            stdio.close()
            self._over(problem)
            return
        stdio.started()
        pump = Pump(self._loop, STREAM, self._log)
        pump.open(stdio.stdout)
        failures: list[str] = []

        def answered(failure: dict[str, Any] | None) -> None:
            if failure is not None:
                failures.append(child.set_up_error(failure).message)

        def ended(code: int) -> None:
            pump.drain()
            if failures:
                self._over(self._failed(at, f": {failures[0]}"))
            elif code:
                self._over(self._failed(at, f" exited with status {code}"))
            else:
                self._go_on(at + 1)

        guest.on_answer, guest.on_end = answered, ended

    def _failed(self, at: int, how: str) -> StackupError:
        """Not what it ran: a command line may hold a password."""
        name = self._inside.description["name"]
        text = f'{self._what} hook {at + 1} of "{name}"{how}'
        return HostError(text, subject=name, hint="what it wrote is in the container's log", code="hook-failed")
