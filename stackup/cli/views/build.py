"""What a build tells, in lines: for a pipe and for a terminal alike, since a step's output is what people look for."""

from __future__ import annotations

import json
import time

from stackup.cli.views.progress import say_notice
from stackup.events import Notice
from stackup.images.build.request import StepBegun, StepDone, StepSaid, Warned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.terminal import Terminal
    from stackup.images.build.request import StepTold, Told


class BuildView:
    """`mode`: `quiet` shows a failing step only, `json` a line an event."""

    def __init__(self, terminal: Terminal, mode: str) -> None:
        self._terminal = terminal
        self._mode = mode
        self._kept: dict[tuple[str, int], list[str]] = {}
        self._begun: dict[tuple[str, int], float] = {}

    def __call__(self, service: str, told: Told) -> None:
        if self._mode == "json":
            data = {name: getattr(told, name) for name in told.__slots__}
            self._terminal.say(json.dumps({"event": type(told).__name__, "service": service, **data}))
        elif isinstance(told, Warned):
            say_notice(self._terminal, Notice(time.time(), "warning", told.text))
        elif self._mode == "quiet":
            self._quiet(service, told)
        else:
            self._plain(service, told)

    def _plain(self, service: str, told: StepTold) -> None:
        number = f"#{service}:{told.step}"
        match told:
            case StepBegun(_, label):
                self._begun[service, told.step] = time.monotonic()
                self._terminal.say(f"{number} {label}")
            case StepSaid(_, text):
                since = time.monotonic() - self._begun.get((service, told.step), time.monotonic())
                self._terminal.say(f"{number} {since:.2f} {text}")
            case StepDone(_, label, cached=True):
                self._terminal.say(f"{number} CACHED {label}")
            case StepDone(failed=failed, seconds=seconds):
                self._terminal.say(f"{number} {'ERROR' if failed else 'DONE'} {seconds:.1f}s")

    def _quiet(self, service: str, told: StepTold) -> None:
        """Output is kept until it is known that the step was fine."""
        kept = self._kept.setdefault((service, told.step), [])
        if isinstance(told, StepSaid):
            kept.append(told.text)
        elif isinstance(told, StepDone):
            if told.failed:
                self._terminal.say("\n".join([told.label, *kept]))
            del self._kept[service, told.step]
