"""What happens while a plan is applied: live lines on a terminal, plain ones in a pipe, JSON for programs, or nothing.

To standard error, with our own few escape sequences: rich costs 60 ms and `up` is in a hurry. Events come from several
threads, one at a time; the only clock here redraws the elapsed seconds.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from stackup.cli.terminal import BOLD, CYAN, FAINT, GREEN, RED, YELLOW
from stackup.cli.views.images import human, short
from stackup.cli.views.words import Pushing, Words
from stackup.events import (
    Event,
    Notice,
    PlanMade,
    Sink,
    StepEnded,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepTransfer,
)

if TYPE_CHECKING:
    from stackup.cli.terminal import Terminal

CLEAR_LINE = "\033[2K"
TICK = 0.1
EVENT_FORMAT = 1
LEVELS = {"warning": BOLD + YELLOW, "error": BOLD + RED, "info": BOLD + CYAN}


class Plain:
    """One line a change of state: ` Container shop-web-1  Started`."""

    def __init__(self, terminal: Terminal, words: Words | Pushing) -> None:
        self._terminal = terminal
        self._words = words

    def __call__(self, event: Event) -> None:
        match event:
            case StepStarted():
                self._line(event.address, self._words.doing(event.step, event.verb))
            case StepProgress():
                self._line(event.address, f"{self._words.doing(event.step, event.verb)}: {event.text}")
            case StepEnded():
                done = self._words.done(event.step, event.verb)
                self._line(event.address, f"Error: {event.error}" if event.error else done)
            case StepSkipped():
                self._line(event.address, f"Skipped: {event.because}")
            case Notice():
                say_notice(self._terminal, event)
            case StepTransfer(done=done, total=total) if done == total:
                note = f"{short(event.part)} complete ({human(total)})"
                self._line(event.address, f"{self._words.doing(event.step, event.verb)}: {note}")
            case PlanMade() | StepTransfer():
                pass

    def settled(self, address: str, word: str) -> None:
        """Something that needs no step."""
        self._line(address, word)

    def _line(self, address: str, text: str) -> None:
        self._terminal.say(f" {self._words.title(address)}  {text}")

    def close(self) -> None:
        return None


class Quiet(Plain):
    """Only what the user must know."""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Notice) and event.level != "info":
            say_notice(self._terminal, event)

    def settled(self, address: str, word: str) -> None:
        return None


class Lines(Quiet):
    """One JSON object a line, as the events are."""

    def __call__(self, event: Event) -> None:
        fields = {"schema": EVENT_FORMAT, "event": type(event).__name__, **asdict(event)}
        self._terminal.say(json.dumps(fields, ensure_ascii=False))


class Live:
    """One line a resource, redrawn in place with its elapsed time, until it is closed."""

    def __init__(self, terminal: Terminal, words: Words | Pushing) -> None:
        self._terminal = terminal
        self._words = words
        self._rows: dict[str, _Row] = {}
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._clock: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, Notice):
                self._erase()
                say_notice(self._terminal, event)
            else:
                self._take(event)
            self._draw()
        if self._clock is None:
            self._clock = threading.Thread(target=self._tick, daemon=True)
            self._clock.start()

    def settled(self, address: str, word: str) -> None:
        """Something that needs no step."""
        row = self._rows[address] = _Row(self._words.title(address))
        row.end(word, "", last=True)

    def _take(self, event: Event) -> None:
        match event:
            case PlanMade():
                self._rows |= {address: _Row(self._words.title(address)) for address in event.addresses}
            case StepStarted():
                self._rows[event.address].begin(self._words.doing(event.step, event.verb))
            case StepProgress():
                self._rows[event.address].note = event.text
            case StepTransfer():
                self._rows[event.address].came(event.part, event.done, event.total)
            case StepEnded():
                done = self._words.done(event.step, event.verb)
                last = self._words.is_last(event.step, event.address)
                self._rows[event.address].end(done, event.error, last=last)
            case StepSkipped():
                self._rows[event.address].end("Skipped", event.because, last=True)
            case Notice():
                pass

    def _tick(self) -> None:
        while not self._over.wait(TICK):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        columns, lines = self._terminal.size()
        shown = self._chosen(lines - 2)
        done = sum(row.over for row in self._rows.values())
        head = f"[+] Running {done}/{len(self._rows)}" if self._rows else ""
        texts = [head, *(row.text(self._terminal, columns) for row in shown)] if head else []
        up = f"\033[{self._drawn}A" if self._drawn else ""
        rest = max(0, self._drawn - len(texts))
        body = "".join(f"{CLEAR_LINE}{text}\n" for text in texts) + f"{CLEAR_LINE}\n" * rest
        back = f"\033[{rest}A" if rest else ""
        self._terminal.err.write(f"{up}{body}{back}")
        self._terminal.err.flush()
        self._drawn = len(texts)

    def _chosen(self, room: int) -> list[_Row]:
        """When there are more than fit, those at work come first."""
        rows = list(self._rows.values())
        if len(rows) <= room:
            return rows
        return sorted(rows, key=lambda row: (row.over, row.begun == 0.0))[: max(1, room)]

    def _erase(self) -> None:
        if self._drawn:
            self._terminal.err.write(f"\033[{self._drawn}A\033[J")
            self._drawn = 0

    def close(self) -> None:
        """Draw for the last time, everything that there is."""
        self._over.set()
        if self._clock is not None:
            self._clock.join()
            with self._lock:
                self._draw()


class _Row:
    """A resource's line."""

    __slots__ = ("begun", "ended", "error", "note", "over", "parts", "title", "word")

    def __init__(self, title: str) -> None:
        self.title = title
        self.word = "Waiting"
        self.note = ""
        self.error = ""
        self.begun = 0.0
        self.ended = 0.0
        self.over = False
        self.parts: dict[str, tuple[int, int]] = {}

    def came(self, part: str, done: int, total: int) -> None:
        """The sum of what has come, and how many parts are whole."""
        self.parts[part] = (done, total)
        here, size = (sum(pair[index] for pair in self.parts.values()) for index in (0, 1))
        whole = sum(done == total for done, total in self.parts.values())
        self.note = f"{human(here)} of {human(size)}, {whole} of {len(self.parts)} layers"

    def begin(self, word: str) -> None:
        self.word, self.note = word, ""
        self.begun = self.begun or time.monotonic()

    def end(self, word: str, error: str, *, last: bool) -> None:
        self.word, self.note = ("Error" if error and word != "Skipped" else word), error
        self.error = error
        self.over = last or bool(error)
        self.ended = time.monotonic()

    def text(self, terminal: Terminal, columns: int) -> str:
        mark, style = ("✘", RED) if self.error else ("✔", GREEN) if self.over else ("⠿", YELLOW)
        spent = (self.ended if self.over else time.monotonic()) - self.begun if self.begun else 0.0
        note = f" {self.note.splitlines()[0]}" if self.note else ""
        clock = f"{spent:.1f}s"
        plain = f" {mark} {self.title}  {self.word}{note}"
        plain = plain[: columns - len(clock) - 2].ljust(columns - len(clock) - 1)
        head, tail = plain[:2], plain[2:]
        if not self.begun and not self.over:
            return terminal.paint_err(plain, FAINT)
        return terminal.paint_err(head, style) + tail + terminal.paint_err(clock, FAINT)


def say_notice(terminal: Terminal, event: Notice) -> None:
    terminal.say(f"{terminal.paint_err(event.level, LEVELS.get(event.level, BOLD))}: {event.text}")


View = Plain | Live


def without_transfers(view: View) -> Sink:
    """`--quiet-pull`: that an image is pulled, and that it is here, but not how it comes."""

    def sink(event: Event) -> None:
        if not isinstance(event, StepTransfer):
            view(event)

    return sink


def choose(terminal: Terminal, mode: str, words: Words | Pushing) -> View:
    """The view for `--progress`; auto is live on a terminal."""
    if mode == "auto":
        mode = "tty" if terminal.live else "plain"
    views: dict[str, type[Plain] | type[Live]] = {"tty": Live, "plain": Plain, "json": Lines, "quiet": Quiet}
    return views[mode](terminal, words)
