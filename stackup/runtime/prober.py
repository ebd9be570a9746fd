"""The clockwork of health checks in a monitor: probe, collect, judge, wait, again.

Hot. The rules are `health`'s; here are only the pipe that keeps 4 KiB of a probe's output and throws away the rest, the
time-out that kills a probe with all it started, and the alarm for the next one.
"""

from __future__ import annotations

import os
import time

from stackup.errors import StackupError
from stackup.kernel import cgroupfs
from stackup.runtime import health as rules
from stackup.runtime.guest import nobody
from stackup.runtime.streams import Stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.runtime.description import Health, HealthStatus, Probe, Process
    from stackup.runtime.guest import Guest, Inside
    from stackup.runtime.loop import Loop

_PAUSED_S = 1.0
_NEXT, _TIMEOUT = "health", "health timeout"


class Prober:
    """Health checks of one run of a container, from its start to its end; `changed(status)` after each probe."""

    __slots__ = ("_begun", "_changed", "_failure", "_guest", "_health", "_inside", "_loop", "_out", "_pause", "_said",
                 "_up_at", "status")  # fmt: skip

    def __init__(self, loop: Loop, health: Health, inside: Inside, changed: Callable[[HealthStatus], None]) -> None:
        self._loop = loop
        self._health = health
        self._inside = inside
        self._changed = changed
        self._up_at = time.monotonic()
        self._pause = 0.0
        self._guest: Guest | None = None
        self._out = -1
        self.status: HealthStatus = rules.starting()
        self._probe()

    def _probe(self) -> None:
        if cgroupfs.frozen(self._inside.description["cgroups"]):
            # A probe of a paused container would be frozen too, and its time-out would say that it is ill.
            self._loop.after(_NEXT, _PAUSED_S, self._probe)
            return
        self._begun, self._said, self._failure = time.time(), b"", ""
        stdio = Stdio.one_pipe()
        self._out = stdio.stdout
        os.set_blocking(self._out, False)
        process: Process = {**self._inside.description["process"], "argv": rules.command(self._health)}
        try:
            self._guest = self._inside.enter(process, stdio)
        except StackupError as problem:
            self._failure = problem.message
            self._finish(rules.TIMED_OUT)
            return
        finally:
            stdio.started()
        self._guest.on_answer = self._answered
        self._guest.on_end = self._finish
        self._loop.add(self._out, self._output)
        self._loop.after(_TIMEOUT, rules.setting(self._health, "timeout") / rules.SECOND, self._timed_out)

    def _answered(self, failure: dict[str, object] | None) -> None:
        if failure:
            self._failure = str(failure.get("message") or "the probe could not be started")

    def _output(self, _fd: int) -> None:
        try:
            data = os.read(self._out, 1 << 16)
        except BlockingIOError:
            return
        self._said = (self._said + data)[: rules.KEPT_OUTPUT]
        if not data:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._out >= 0:
            self._loop.drop(self._out)
            os.close(self._out)
            self._out = -1

    def _timed_out(self) -> None:
        limit = rules.setting(self._health, "timeout") / rules.SECOND
        self._failure = f"the probe took longer than {limit:g}s and was killed"
        self._let_go()
        self._finish(rules.TIMED_OUT)

    def _let_go(self) -> None:
        """Kill the probe without waiting: a process in uninterruptible sleep must not end the checking."""
        if self._guest is not None:
            self._guest.on_answer = self._guest.on_end = nobody
            self._guest.kill()
            self._guest = None

    def _finish(self, code: int) -> None:
        self._loop.cancel(_TIMEOUT)
        self._guest = None
        if self._out >= 0:
            self._output(self._out)
        self._hang_up()
        output = self._said.decode(errors="replace")
        if self._failure:
            output = f"{output}{self._failure}"
        probe: Probe = {"start": self._begun, "end": time.time(), "exit_code": code, "output": output}
        up_s = time.monotonic() - self._up_at
        self.status = rules.judge(self._health, self.status, probe, up_s)
        self._pause = rules.pause(self._health, self.status, up_s, self._pause)
        self._loop.after(_NEXT, self._pause, self._probe)
        self._changed(self.status)

    def close(self) -> None:
        self._loop.cancel(_NEXT)
        self._loop.cancel(_TIMEOUT)
        self._let_go()
        self._hang_up()
