"""`up` in the foreground: the output of all services until they end, somebody presses Ctrl-C, or one ends it all.

The first Ctrl-C stops the stack in order while its output goes on; the second kills it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field

from stackup.cli.call import Call
from stackup.cli.changing import Frame, frame, told
from stackup.cli.exits import Exit
from stackup.cli.interrupts import heeding
from stackup.cli.views.logs import LogView
from stackup.engines.engine import Container
from stackup.errors import StackupError
from stackup.project.lifecycle import Selected, stop
from stackup.project.logs import Followed, News
from stackup.project.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.watching import Watching

ONE_PRESS = 0.5
"""Seconds. A shell and a `timeout` may both send what the user pressed once."""

START_S = 0.001
"""A program may write before its start is noted; the one before it ended longer ago."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Which container's end is the end of all: any (`exit`), one that fails (`failure`), or a service's."""

    on_exit: bool = False
    on_failure: bool = False
    code_from: str = ""

    @property
    def any(self) -> bool:
        return self.on_exit or self.on_failure or bool(self.code_from)

    def is_over(self, row: Container) -> bool:
        return self.on_exit or bool(self.code_from) or (self.on_failure and row["exit_code"] != 0)


class Presses:
    """What signals mean here: the first ends the reading, a later one kills. Those that come together are one press."""

    def __init__(self, session: Session, stack: str) -> None:
        self._session = session
        self._stack = stack
        self._since = 0.0

    def begin(self) -> None:
        """The end has begun for another reason: from now on every press is a later one."""
        self._since = self._since or time.monotonic()

    def __call__(self, number: int, stack_frame: object) -> None:
        if not self._since:
            self.begin()
            raise KeyboardInterrupt
        if time.monotonic() - self._since > ONE_PRESS:
            self._kill()

    def _kill(self) -> None:
        direct = self._session.host.direct
        for _ in direct.kill([row for row in direct.containers(self._stack) if row["pid"]], "SIGKILL"):
            continue  # whoever ended meanwhile has what it was to get


def stop_everything(call: Call, presses: Presses) -> None:
    """In order; another press kills."""
    presses.begin()
    stopping = frame(call, mode="plain")
    with heeding(presses):
        report = stop(stopping.session, Selected())
    told(stopping, report)


@dataclass(slots=True)
class Foreground:
    made: Frame
    stack: str
    view: LogView
    ending: Ending
    presses: Presses
    shown: frozenset[str]
    """Names of the containers whose output is shown; the others are only watched."""
    watching: Watching | None = None
    codes: dict[str, int] = field(default_factory=dict)
    first: Container | None = None

    def follow(self, rows: list[Container], since: float) -> int:
        """Show output until the end; the exit code of the command."""
        lines = Followed(self.made.session.host.direct, tail=None, since=since)
        for row in rows:
            lines.add(row)
        if self.watching is not None:
            lines.beside(self.watching.wait)
        with heeding(self.presses):
            try:
                over = self._read(lines)
            except KeyboardInterrupt:
                self.made.call.terminal.say("\nGracefully stopping... (press Ctrl+C again to force)")
                self._stop(lines)
                return self._code() if self.ending.code_from else Exit.INTERRUPTED
            if over:
                self.made.call.terminal.say("Aborting on container exit...")
                self._stop(lines)
        return self._code()

    def _read(self, lines: Followed) -> bool:
        """True when a container's end must be the end of all."""
        for item in lines:
            if isinstance(item, tuple):
                row, at, _, data = item
                if row["name"] in self.shown:
                    self.view.line(row, at, data)
            elif isinstance(item, News):
                self._heed_changes(lines)
            elif self._ended(item):
                return True
            elif self.watching is not None:
                self._follow_again(lines, item)
        return False

    def _heed_changes(self, lines: Followed) -> None:
        """Output goes on meanwhile, in a thread of its own: signals, and what the work prints, belong to this one."""
        assert self.watching is not None, "nobody else has news"
        drain = threading.Thread(target=self._drain, args=(lines,), daemon=True)
        drain.start()
        try:
            services = self.watching.handle()
        finally:
            lines.rest()
            drain.join()
        for row in self.made.session.host.direct.containers(self.stack):
            if row["service"] in services:
                self._follow_again(lines, row)
        lines.heard()

    def _follow_again(self, lines: Followed, row: Container) -> None:
        """A container that came in the place of one whose output has ended, or the same one, started again."""
        for seen in self.made.session.host.direct.containers(self.stack):
            if seen["address"] == row["address"] and seen["pid"] and seen["name"] in self.shown:
                lines.add(seen, since=seen["started_at"] - START_S)

    def _ended(self, row: Container) -> bool:
        last = _now(self.made.session, row)
        self.codes[last["service"]] = last["exit_code"]
        self.view.flush()
        self.view.note(last, f"exited with code {last['exit_code']}")
        if self.ending.any and self.ending.is_over(last):
            self.first = self.first or last
            return True
        return False

    def _stop(self, lines: Followed) -> None:
        """Stop everything in order while output goes on in a thread of its own."""
        drain = threading.Thread(target=self._drain, args=(lines,), daemon=True)
        drain.start()
        stop_everything(self.made.call, self.presses)
        drain.join(2)
        self.view.flush()

    def _drain(self, lines: Followed) -> None:
        with contextlib.suppress(StackupError):  # the stop says what went wrong
            while self._read(lines):
                continue

    def _code(self) -> int:
        if self.ending.code_from:
            return self.codes.get(self.ending.code_from, Exit.FAILED)
        return self.first["exit_code"] if self.first else Exit.DONE


def _now(session: Session, row: Container) -> Container:
    for seen in session.host.direct.containers(row["stack"]):
        if seen["instance"] == row["instance"]:
            return seen
    return row


def attached(rows: list[Container], wanted: frozenset[str], unwanted: frozenset[str]) -> frozenset[str]:
    """Names of the containers whose output is shown; no wanted services: all."""
    return frozenset(
        row["name"] for row in rows if (not wanted or row["service"] in wanted) and row["service"] not in unwanted
    )
