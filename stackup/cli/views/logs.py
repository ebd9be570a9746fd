"""Lines of containers with their names before them: aligned, each service in its own colour on every run. Hot."""

from __future__ import annotations

from zlib import crc32

from stackup.cli.terminal import RESET, visible
from stackup.cli.views.times import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackup.cli.terminal import Terminal
    from stackup.engines.engine import Container

COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


def short_name(row: Container) -> str:
    """`web-1`: the container's name without its stack's."""
    return row["name"].removeprefix(f"{row['stack']}-")


def color_of(service: str) -> str:
    """Stable over runs and machines: it depends on nothing but the name."""
    return f"\033[{COLORS[crc32(service.encode()) % len(COLORS)]}m"


class LogView:
    """Writes lines to standard output: bytes as they are in a pipe and with `raw`, else, on a terminal, with control
    characters spelled out.
    """

    __slots__ = ("_color", "_prefixed", "_raw", "_terminal", "_timestamps", "_tty", "_width")

    def __init__(
        self,
        terminal: Terminal,
        rows: Iterable[Container],
        *,
        prefix: bool = True,
        color: bool = True,
        timestamps: bool = False,
        raw: bool = False,
    ) -> None:
        self._terminal = terminal
        self._tty = terminal.out.isatty()
        self._raw = raw
        self._color = color and terminal.color
        self._prefixed = prefix
        self._timestamps = timestamps
        self._width = max((len(short_name(row)) for row in rows), default=0)

    def line(self, row: Container, at: int, data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if self._tty and not self._raw:
            text = visible(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        when = f"{stamp(at)} " if self._timestamps else ""
        for part in text.split("\n"):
            self._write(f"{self._prefix(row)}{when}{part}\n")

    def note(self, row: Container, text: str) -> None:
        """A word about a container among the lines: `web-1 exited with code 0`."""
        name = short_name(row)
        self._write((f"{color_of(row['service'])}{name}{RESET}" if self._color else name) + f" {text}\n")

    def _prefix(self, row: Container) -> str:
        if not self._prefixed:
            return ""
        name = f"{short_name(row):<{self._width}}  | "
        return f"{color_of(row['service'])}{name}{RESET}" if self._color else name

    def _write(self, text: str) -> None:
        out = self._terminal.out
        binary = getattr(out, "buffer", None)
        if binary is None:
            out.write(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
            return
        out.flush()
        binary.write(text.encode("utf-8", "surrogateescape"))
        if self._tty:
            binary.flush()

    def flush(self) -> None:
        self._terminal.out.flush()
