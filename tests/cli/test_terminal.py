from __future__ import annotations

import io
import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stackup.cli.terminal import RED, RESET, Terminal, visible


@contextmanager
def tty(environ: dict[str, str], ansi: str = "auto", typed: bytes = b"") -> Iterator[Terminal]:
    """A terminal of our own, at which somebody types."""
    master, slave = os.openpty()
    os.write(master, typed)
    with open(slave, "r+b", buffering=0) as raw:
        stream = io.TextIOWrapper(raw, write_through=True)  # type: ignore[arg-type]
        yield Terminal(environ, ansi, (stream, stream, stream))
        os.close(master)


@pytest.mark.parametrize(
    ("environ", "ansi", "colored"),
    [
        ({}, "auto", True),
        ({"NO_COLOR": "1"}, "auto", False),
        ({"NO_COLOR": ""}, "auto", True),
        ({"TERM": "dumb"}, "auto", False),
        ({"NO_COLOR": "1"}, "always", True),
        ({}, "never", False),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, "auto", False),
    ],
)
def test_colours_on_a_terminal(environ: dict[str, str], ansi: str, colored: bool) -> None:
    with tty(environ, ansi) as terminal:
        assert terminal.color is colored


@pytest.mark.parametrize(
    ("environ", "ansi", "colored"),
    [
        ({}, "auto", False),
        ({"CLICOLOR_FORCE": "1"}, "auto", True),
        ({"CLICOLOR_FORCE": "0"}, "auto", False),
        ({}, "always", True),
    ],
)
def test_colours_in_a_pipe(environ: dict[str, str], ansi: str, colored: bool) -> None:
    terminal = Terminal(environ, ansi)
    assert terminal.color is colored
    assert terminal.paint("x", RED) == (f"{RED}x{RESET}" if colored else "x")


def test_cursor_movement_is_for_terminals_that_can() -> None:
    with tty({}) as able, tty({"TERM": "dumb"}) as dumb, tty({}, "never") as plain:
        assert (able.live, dumb.live, plain.live) == (True, False, False)


def test_a_question_to_nobody_is_a_no() -> None:
    nobody = io.StringIO("y\n")
    assert not Terminal({}, "auto", (nobody, io.StringIO(), io.StringIO())).ask("sure?")


@pytest.mark.parametrize(("typed", "answer"), [(b"y\n", True), (b"YES\n", True), (b"\n", False), (b"no\n", False)])
def test_a_question_at_a_terminal_has_no_as_its_default(typed: bytes, answer: bool) -> None:
    with tty({}, typed=typed) as terminal:
        assert terminal.ask("sure?") is answer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("tab\tö 漢", "tab\tö 漢"),
        ("\033[31mred\033[0m", "\033[31mred\033[0m\033[0m"),
        ("\033[2Jgone", "\\x1b[2Jgone"),
        ("\033]0;title\007", "\\x1b]0;title\\x07"),
        ("a\rb\x08c\x9b", "a\\x0db\\x08c\\x9b"),
        ("\033[38;5;1", "\\x1b[38;5;1"),
        ("\033", "\\x1b"),
    ],
)
def test_somebody_elses_control_characters_are_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\u200f", "\u061c", "\u2028"])
def test_letters_that_turn_the_direction_of_writing_are_spelled_out(letter: str) -> None:
    assert visible(f"a{letter}b") == f"a\\u{ord(letter):04x}b"
    assert visible("שלום naïve 日本 👩‍💻") == "שלום naïve 日本 👩‍💻", "what people write stays"


HOSTILE = "web\x1b]0;owned\x07\x1b[2J\rfake \u202e\n\ttwo"
ESCAPED = "web\\x1b]0;owned\\x07\\x1b[2J\\x0dfake \\u202e\n\ttwo\n"


def test_what_a_stack_says_cannot_move_the_cursor_of_a_terminal() -> None:
    master, slave = os.openpty()
    with open(slave, "r+b", buffering=0) as raw:
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        stream = io.TextIOWrapper(raw, write_through=True)  # type: ignore[arg-type]
        terminal = Terminal({}, "auto", (stream, stream, stream))
        terminal.print(HOSTILE)
        assert os.read(master, 1000).decode() == ESCAPED
        terminal.say(terminal.paint_err(HOSTILE, RED))
        assert os.read(master, 1000).decode().replace(RED, "").replace(RESET, "") == ESCAPED
    os.close(master)


def test_a_pipe_gets_what_was_said() -> None:
    stream = io.StringIO()
    Terminal({}, "auto", (stream, stream, stream)).print(HOSTILE)
    assert stream.getvalue() == f"{HOSTILE}\n"
