"""From a text to logical lines: instructions with their continuations joined, comments and blank lines left out.

Pure. A logical line knows where each of its characters stands in the file, so that a caret can point at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stackup.diagnostics import Span
from stackup.images.build.expansion import SPACES


@dataclass(frozen=True, slots=True)
class Piece:
    """From `offset` of the logical line on, characters stand at `line`, `column` (both from 1)."""

    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Logical:
    source: str
    text: str
    pieces: tuple[Piece, ...]
    end_line: int
    comments: tuple[str, ...] = ()
    """Those directly above."""
    blank_at: int = 0
    """The last line that was left empty in the midst of the instruction; 0 if none."""

    @property
    def line(self) -> int:
        return self.pieces[0].line

    def span(self, begin: int = 0, end: int | None = None) -> Span:
        """Where these characters are in the file."""
        end = len(self.text) if end is None else end
        first = self._piece(begin)
        last = self._piece(max(begin, end - 1))
        return Span(
            self.source,
            first.line,
            first.column + begin - first.offset,
            last.line,
            last.column + end - last.offset,
        )

    def find(self, text: str, begin: int = 0) -> Span:
        """Where the text stands; the whole line if it does not stand there as it is."""
        at = self.text.find(text, begin) if text else -1
        return self.span() if at < 0 else self.span(at, at + len(text))

    def _piece(self, offset: int) -> Piece:
        return next(piece for piece in reversed(self.pieces) if piece.offset <= offset or piece is self.pieces[0])


@dataclass(slots=True)
class Reader:
    """Hands out the lines of a file, physical ones for heredocs and logical ones for instructions."""

    source: str
    text: str
    escape: str = "\\"
    at: int = 0
    _lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = self.text.removeprefix("\ufeff").split("\n")
        if self._lines[-1] == "":
            self._lines.pop()

    def raw(self) -> str | None:
        """The next physical line with its end as it is; None at the end of the file."""
        if self.at >= len(self._lines):
            return None
        self.at += 1
        line = self._lines[self.at - 1]
        ended = self.at < len(self._lines) or self.text.endswith("\n")
        return f"{line}\n" if ended else line

    def logical(self) -> Logical | None:
        """The next instruction's line; None at the end of the file."""
        comments: list[str] = []
        while (raw := self.raw()) is not None:
            line = raw.rstrip("\r\n")
            text = line.lstrip(SPACES)
            if text.startswith("#"):
                comment = text[1:].strip(SPACES)
                comments = [*comments, comment] if comment else []
            elif text:
                return self._joined(text, len(line) - len(text), tuple(comments))
        return None

    def _joined(self, text: str, indent: int, comments: tuple[str, ...]) -> Logical:
        text, goes_on = self._continued(text)
        texts, size, blank_at = [text], len(text), 0
        pieces = [Piece(0, self.at, indent + 1)]
        while goes_on and (raw := self.raw()) is not None:
            line = raw.rstrip("\r\n")
            if line.lstrip(SPACES).startswith("#"):
                continue
            if not line.lstrip(SPACES):
                blank_at = self.at
                continue
            line, goes_on = self._continued(line)
            pieces.append(Piece(size, self.at, 1))
            texts.append(line)
            size += len(line)
        return Logical(self.source, "".join(texts), tuple(pieces), self.at, comments, blank_at)

    def _continued(self, line: str) -> tuple[str, bool]:
        """One escape character at the end, spaces behind it allowed, joins the next line; two are text."""
        bare = line.rstrip("\t ")
        if bare.endswith(self.escape) and not bare.endswith(self.escape * 2):
            return bare[:-1], True
        return line, False


_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Directive:
    """`# name=value` at the top of the file."""

    name: str
    value: str
    span: Span


def directives(reader: Reader) -> list[Directive]:
    """The directives with which the file begins; the first line that is none ends them, and is not used up."""
    found = []
    while (raw := reader.raw()) is not None:
        line = raw.rstrip("\r\n")
        text = line.lstrip(SPACES)
        match = _DIRECTIVE.fullmatch(text)
        if match is None or match[1].lower() not in {"syntax", "escape", "check"}:
            reader.at -= 1
            break
        column = len(line) - len(text) + 1
        span = Span(reader.source, reader.at, column, reader.at, column + len(text))
        found.append(Directive(match[1].lower(), match[2], span))
    return found
