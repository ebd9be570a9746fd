"""The user's terminal: where data and words go, and whether colours and cursor movement may be used. Hot.

Data goes to standard output, everything said about the work to standard error. `--ansi`, NO_COLOR, CLICOLOR_FORCE and
TERM=dumb are heeded here and nowhere else.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO, TextIO

RESET = "\033[0m"
BOLD = "\033[1m"
RED = "\033[31m"
GREEN = "\033[32m"
YELLOW = "\033[33m"
BLUE = "\033[34m"
MAGENTA = "\033[35m"
CYAN = "\033[36m"
FAINT = "\033[2m"
DEFAULT_WIDTH = 80
TURNING = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Letters without a shape that turn the direction of writing or end lines: with them a text looks like another one."""


class Terminal:
    """The streams of the command: its own, unless others are given."""

    __slots__ = ("_escapes", "_escapes_err", "_in", "color", "color_err", "err", "interactive", "live", "out")

    def __init__(
        self, environ: Mapping[str, str], ansi: str = "auto", streams: tuple[TextIO, TextIO, TextIO] | None = None
    ) -> None:
        self._in, self.out, self.err = streams or (sys.stdin, sys.stdout, sys.stderr)
        dumb = environ.get("TERM") == "dumb"
        self.color = _colored(self.out, environ, ansi, dumb=dumb)
        self.color_err = _colored(self.err, environ, ansi, dumb=dumb)
        self._escapes, self._escapes_err = _is_tty(self.out), _is_tty(self.err)
        self.live = self._escapes_err and not dumb and ansi != "never"
        self.interactive = _is_tty(self._in) and _is_tty(self.out)

    def print(self, text: str = "") -> None:
        """A line of data, or several. What a stack has put into them cannot move a terminal's cursor."""
        self.out.write(f"{_lines(text) if self._escapes else text}\n")

    def stream(self) -> BinaryIO:
        """Standard output for bytes, without a buffer: what could not be written is not tried again at the end."""
        self.out.flush()
        return open(self.out.fileno(), "wb", buffering=0, closefd=False)

    def say(self, text: str) -> None:
        """A line about the work, or several."""
        self.out.flush()
        self.err.write(f"{_lines(text) if self._escapes_err else text}\n")
        self.err.flush()

    def paint(self, text: str, style: str) -> str:
        """For standard output."""
        return f"{style}{text}{RESET}" if self.color and text else text

    def paint_err(self, text: str, style: str) -> str:
        return f"{style}{text}{RESET}" if self.color_err and text else text

    def ask(self, question: str) -> bool:
        """A question with no as its default; nobody there is a no."""
        if not (_is_tty(self._in) and _is_tty(self.err)):
            return False
        self.err.write(f"{_lines(question)} [y/N] ")
        self.err.flush()
        return self._in.readline().strip().lower() in ("y", "yes")

    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal that words go to."""
        try:
            found = os.get_terminal_size(self.err.fileno())
        except (OSError, ValueError):
            return DEFAULT_WIDTH, 24
        return found.columns or DEFAULT_WIDTH, found.lines or 24


def _is_tty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _colored(stream: TextIO, environ: Mapping[str, str], ansi: str, *, dumb: bool) -> bool:
    if ansi in ("never", "always"):
        return ansi == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return _is_tty(stream) and not dumb


def _lines(text: str) -> str:
    return text if text.isprintable() else "\n".join(map(visible, text.split("\n")))


def visible(text: str) -> str:
    """Text of somebody else's, for a terminal: control characters are spelled out, but for tabs and colours (SGR), and
    so is what turns the direction of writing.
    """
    if text.isprintable():
        return text
    found: list[str] = []
    at = 0
    while at < len(text):
        end = _color_end(text, at)
        if end:
            found.append(text[at:end])
            at = end
            continue
        letter = text[at]
        found.append(letter if letter == "\t" or _is_harmless(letter) else _spelled(letter))
        at += 1
    colored = any(len(piece) > 1 and piece[0] == "\033" for piece in found)
    return "".join(found) + (RESET if colored else "")


def _is_harmless(letter: str) -> bool:
    return letter.isprintable() or (ord(letter) >= 160 and letter not in TURNING)


def _spelled(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"


def _color_end(text: str, at: int) -> int:
    """Where a colour sequence that begins here ends; 0 when there is none."""
    if not text.startswith("\033[", at):
        return 0
    end = at + 2
    while end < len(text) and (text[end].isdigit() or text[end] in ";:"):
        end += 1
    return end + 1 if text[end : end + 1] == "m" else 0
