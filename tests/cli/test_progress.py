from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from stackup.cli.terminal import Terminal
from stackup.cli.views.progress import Live, Plain, choose, without_transfers
from stackup.cli.views.words import Pushing, Words
from stackup.events import Notice, PlanMade, StepEnded, StepProgress, StepSkipped, StepStarted, StepTransfer
from stackup.project.plan import plan
from stackup.project.up import UpOptions
from tests.project.shop import Shop

WEB, DB = "container/web#1", "container/db#1"


class Screen:
    """A terminal of 80 columns and 24 lines, kept as a grid; knows the few sequences that we write."""

    def __init__(self) -> None:
        self.rows: list[str] = [""]
        self.at = 0
        self.terminal = Terminal({}, "never")
        self.terminal.err = self  # type: ignore[assignment]

    def write(self, text: str) -> int:
        at = 0
        while at < len(text):
            if text.startswith("\033[", at):
                end = next(i for i in range(at + 2, len(text)) if text[i].isalpha())
                self._sequence(text[end], text[at + 2 : end])
                at = end + 1
            elif text[at] == "\n":
                self.at += 1
                if self.at == len(self.rows):
                    self.rows.append("")
                at += 1
            else:
                self.rows[self.at] += text[at]
                at += 1
        return len(text)

    def _sequence(self, letter: str, number: str) -> None:
        if letter == "A":
            self.at -= int(number)
        elif letter == "K":
            self.rows[self.at] = ""
        elif letter == "J":
            self.rows[self.at :] = [""]
        else:
            raise AssertionError(letter)

    def flush(self) -> None:
        return None

    def fileno(self) -> int:
        raise io.UnsupportedOperation

    def words(self) -> list[str]:
        """Without the clocks at the end."""
        return [re.sub(r"\s+\d+\.\ds$", "", row).rstrip() for row in self.rows]


@pytest.fixture
def words(tmp_path: Path) -> Words:
    found = Words()
    found.learn(plan(Shop(tmp_path).session(), UpOptions()))
    return found


def events() -> list[Any]:
    return [
        PlanMade(0, 3, (DB, WEB)),
        StepStarted(0, 3, "create", DB),
        StepEnded(0, 3, "create", DB, 0.1),
        StepStarted(0, 5, "start", DB),
        StepEnded(0, 5, "start", DB, 0.1),
        StepStarted(0, 6, "await", DB),
        StepProgress(0, 6, "await", DB, "starting, 1 probe failed: no route"),
    ]


def test_live_lines_are_redrawn_in_place(words: Words) -> None:
    screen = Screen()
    view = Live(screen.terminal, words)
    for event in events():
        view(event)
    assert screen.words() == [
        "[+] Running 0/2",
        " ⠿ Container shop-db-1  Waiting starting, 1 probe failed: no route",
        " ⠿ Container shop-web-1  Waiting",
        "",
    ]
    view(StepEnded(0, 6, "await", DB, 0.5))
    view(StepSkipped(0, 7, "start", WEB, "interrupted"))
    view.close()
    assert screen.words() == [
        "[+] Running 2/2",
        " ✔ Container shop-db-1  Healthy",
        " ✘ Container shop-web-1  Skipped interrupted",
        "",
    ]


def test_a_notice_stands_above_the_live_lines(words: Words) -> None:
    screen = Screen()
    view = Live(screen.terminal, words)
    view(PlanMade(0, 1, (WEB,)))
    view(Notice(0, "warning", "mind this"))
    view.close()
    assert screen.words() == ["warning: mind this", "[+] Running 0/1", " ⠿ Container shop-web-1  Waiting", ""]


def test_what_is_settled_needs_no_step(words: Words) -> None:
    screen = Screen()
    view = Live(screen.terminal, words)
    view.settled(WEB, "Running")
    view(PlanMade(0, 1, (DB,)))
    view.close()
    assert screen.words()[:2] == ["[+] Running 1/2", " ✔ Container shop-web-1  Running"]


def test_more_resources_than_lines_show_those_at_work(words: Words) -> None:
    screen = Screen()
    view = Live(screen.terminal, words)
    addresses = tuple(f"container/s{number}#1" for number in range(100))
    view(PlanMade(0, 100, addresses))
    view(StepStarted(0, 1, "create", addresses[77]))
    view.close()
    assert len(screen.rows) == 24
    assert screen.words()[1] == " ⠿ container/s77#1  Creating"


def test_plain_lines_say_what_is_waited_for(words: Words, capsys: pytest.CaptureFixture[str]) -> None:
    view = Plain(Terminal({}), words)
    for event in (*events(), StepEnded(0, 6, "await", DB, 3.0, "not healthy", "look")):
        view(event)
    assert capsys.readouterr().err.splitlines()[-3:] == [
        " Container shop-db-1  Waiting",
        " Container shop-db-1  Waiting: starting, 1 probe failed: no route",
        " Container shop-db-1  Error: not healthy",
    ]


@pytest.mark.parametrize(("mode", "kind"), [("auto", "Plain"), ("tty", "Live"), ("json", "Lines"), ("quiet", "Quiet")])
def test_the_view_is_chosen_by_mode(words: Words, mode: str, kind: str) -> None:
    assert type(choose(Terminal({}), mode, words)).__name__ == kind


IMAGE, ONE, TWO = "image/app:1", f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def coming() -> list[Any]:
    return [
        PlanMade(0, 1, (IMAGE,)),
        StepStarted(0, 1, "push", IMAGE),
        StepTransfer(0, 1, "push", IMAGE, ONE, 0, 1000),
        StepTransfer(0, 1, "push", IMAGE, TWO, 0, 3_000_000),
        StepTransfer(0, 1, "push", IMAGE, ONE, 1000, 1000),
        StepTransfer(0, 1, "push", IMAGE, TWO, 1_500_000, 3_000_000),
    ]


def test_a_terminal_sums_up_what_has_come() -> None:
    screen = Screen()
    view = Live(screen.terminal, Pushing())
    for event in coming():
        view(event)
    assert screen.words()[1].startswith(" ⠿ Image app:1  Pushing 1.5MB of 3MB, 1 of 2 layers")
    view(StepEnded(0, 1, "push", IMAGE, 1.0))
    view.close()
    assert screen.words()[1] == " ✔ Image app:1  Pushed"


def test_a_pipe_hears_of_whole_layers_only() -> None:
    screen = Screen()
    view = Plain(screen.terminal, Pushing())
    for event in coming():
        view(event)
    assert screen.rows[:-1] == [
        " Image app:1  Pushing",
        f" Image app:1  Pushing: {'a' * 12} complete (1kB)",
    ]


def test_quiet_pulls_say_nothing_of_layers() -> None:
    screen = Screen()
    sink = without_transfers(Plain(screen.terminal, Pushing()))
    for event in coming():
        sink(event)
    assert screen.rows[:-1] == [" Image app:1  Pushing"]
