"""What becomes of a container's output: files, older ones packed, and a collector if there is one. The monitor's side.

Hot. What packs and what carries is loaded only where it is asked for: a monitor's memory is counted.
"""

from __future__ import annotations

import time

from stackup.runtime.logwriter import LogWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.runtime.carrier import Carrier
    from stackup.runtime.description import Log
    from stackup.runtime.logpack import Packer
    from stackup.runtime.loop import Loop


class Keeping:
    """`writer` takes the output; `keep` takes new rules, also in the middle of a run."""

    __slots__ = ("_carrier", "_changed", "_folder", "_log", "_loop", "_packer", "writer")

    def __init__(self, loop: Loop, folder: str, log: Log, changed: Callable[[], None]) -> None:
        self._loop = loop
        self._folder = folder
        self._changed = changed
        self._log: Log | None = None
        self._carrier: Carrier | None = None
        self._packer: Packer | None = None
        self.writer = LogWriter(folder, log)
        self.writer.on_problem = changed
        self.keep(log)

    def keep(self, log: Log) -> None:
        before, self._log = self._log, log
        self.writer.bound(log)
        if log.get("compress") and self._packer is None:
            from stackup.runtime.logpack import Packer

            self._packer = Packer(self._loop)
        self.writer.on_full = self._packer.pack if self._packer is not None and log.get("compress") else None
        if before is None or before.get("collector") != log.get("collector"):
            self._carry_to(log)

    def _carry_to(self, log: Log) -> None:
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = self.writer.on_written = None
        if "collector" in log:
            from stackup.runtime.carrier import Carrier

            self._carrier = Carrier(self._loop, self._folder, log["collector"])
            self._carrier.on_problem = self._changed
            self.writer.on_written = self._carrier.wake

    @property
    def problem(self) -> str:
        """Why output is lost, or waits; empty when all is well."""
        return self.writer.problem or (self._carrier.problem if self._carrier is not None else "")

    def behind(self, deadline: float) -> bool:
        """The collector has not everything yet, and takes it."""
        carrier = self._carrier
        return carrier is not None and carrier.behind and not carrier.problem and time.monotonic() < deadline

    def close(self) -> None:
        self.writer.close()
        if self._carrier is not None:
            self._carrier.close()
        if self._packer is not None:
            self._packer.close()
