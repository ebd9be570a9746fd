"""The clockwork of health checks in a monitor: look, judge, wait, again.

Hot. The rules are `health`'s, the ways to look are `probes`'; here are only the time-out, which ends a probe with all
that it started, the alarm for the next one, and the rest while the container is paused.
"""

from __future__ import annotations

import time

from stackup.kernel import cgroupfs
from stackup.runtime import health as rules
from stackup.runtime import probes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.runtime.description import Health, HealthStatus, Probe
    from stackup.runtime.guest import Inside
    from stackup.runtime.loop import Loop
    from stackup.runtime.signs import Sign

_PAUSED_S = 1.0
_NEXT, _TIMEOUT = "health", "health timeout"


class Prober:
    """Health checks of one run of a container, from its start to its end; `changed(status)` after each probe."""

    __slots__ = ("_begun", "_changed", "_health", "_inside", "_look", "_loop", "_pause", "_sign", "_up_at", "status")

    def __init__(
        self, loop: Loop, health: Health, inside: Inside, sign: Sign | None, changed: Callable[[HealthStatus], None]
    ) -> None:
        self._loop = loop
        self._health = health
        self._inside = inside
        self._sign = sign
        self._changed = changed
        self._up_at = time.monotonic()
        self._pause = 0.0
        self._look: probes.Look | None = None
        self.status: HealthStatus = rules.starting()
        self._probe()

    def _probe(self) -> None:
        if cgroupfs.frozen(self._inside.description["cgroups"]):
            # A probe of a paused container would be frozen too, and its time-out would say that it is ill.
            self._loop.after(_NEXT, _PAUSED_S, self._probe)
            return
        self._begun = time.time()
        self._look = probes.look(self._loop, rules.command(self._health), self._inside, self._sign)
        if self._sign is None:
            self._loop.after(_TIMEOUT, rules.setting(self._health, "timeout") / rules.SECOND, self._timed_out)
        self._look.begin(self._finish)

    def _timed_out(self) -> None:
        said = self._let_go()
        if cgroupfs.frozen(self._inside.description["cgroups"]):
            # Paused in the middle of it: what stands still says nothing.
            self._loop.after(_NEXT, _PAUSED_S, self._probe)
            return
        limit = rules.setting(self._health, "timeout") / rules.SECOND
        self._finish(rules.TIMED_OUT, f"{said}the probe took longer than {limit:g}s and was killed")

    def _let_go(self) -> str:
        look, self._look = self._look, None
        return look.close() if look is not None else ""

    def _finish(self, code: int, output: str) -> None:
        self._loop.cancel(_TIMEOUT)
        self._look = None
        probe: Probe = {"start": self._begun, "end": time.time(), "exit_code": code, "output": output}
        up_s = time.monotonic() - self._up_at
        self.status = rules.judge(self._health, self.status, probe, up_s)
        if self._sign is None:
            self._pause = rules.pause(self._health, self.status, up_s, self._pause)
            self._loop.after(_NEXT, self._pause, self._probe)
        self._changed(self.status)

    def close(self) -> None:
        self._loop.cancel(_NEXT)
        self._loop.cancel(_TIMEOUT)
        self._let_go()
