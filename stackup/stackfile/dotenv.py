"""The grammar of env files, as docker compose reads them, and the `raw` one of `docker run --env-file`.

Text in, names and values out; nothing is opened here. Unquoted and double-quoted values are interpolated (the run's
variables first, then earlier lines), single-quoted ones are not. A name alone takes the run's value, or is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stackup.diagnostics import Diagnostics, Span
from stackup.stackfile.interpolate import MAX_TOTAL, Evaluation, Lookup, Malformed, Missing

_KEY = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z0-9_.\-\[\]]+)[ \t]*")
_ESCAPE = re.compile(r"\\(0[0-7]{0,3}|[abfnrtv\\$\"])")
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "$": "$$",
    '"': '"',
}


@dataclass(frozen=True, slots=True)
class Binding:
    """One variable of an env file and where its name stands."""

    name: str
    value: str
    span: Span


def parse_env(text: str, source: str, lookup: Lookup, diagnostics: Diagnostics) -> dict[str, Binding]:
    """The variables of an env file; of a name given twice, the later. A line that is none is a diagnostic."""
    return _Reader(text.replace("\r\n", "\n"), source, lookup, diagnostics).read()


def parse_raw(text: str, source: str, lookup: Lookup) -> dict[str, Binding]:
    """`format: raw`: everything behind the first `=` is the value, quotes and dollars included."""
    found: dict[str, Binding] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, mark, value = line.partition("=")
        name = name.strip()
        given = value if mark else lookup(name)
        if given is not None:
            found[name] = Binding(name, given, Span(source, number, 1, number, 1 + len(name)))
    return found


class _Reader:
    """Walks the text once; `at` is where it stands."""

    def __init__(self, text: str, source: str, lookup: Lookup, diagnostics: Diagnostics) -> None:
        self.text = text
        self.source = source
        self.lookup = lookup
        self.diagnostics = diagnostics
        self.at = 0
        self._counted = (0, 1)
        self._total = 0
        self.found: dict[str, Binding] = {}

    def read(self) -> dict[str, Binding]:
        while self._skip_blank():
            key = _KEY.match(self.text, self.at)
            follows = self.text[key.end() : key.end() + 1] if key else ""
            if key is None or follows not in ("=", ":", "\n", "", "#"):
                self._refuse("expected NAME=value")
            elif follows in ("=", ":"):
                self.at = key.end() + 1
                self._bind(key[1], key.start(1))
            else:
                self._inherit(key[1], key.start(1))
        return self.found

    def _skip_blank(self) -> bool:
        """To the next statement; False at the end."""
        while self.at < len(self.text):
            if self.text[self.at].isspace():
                self.at += 1
            elif self.text[self.at] == "#":
                self._next_line()
            else:
                return True
        return False

    def _next_line(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end + 1

    def _span(self, start: int, end: int) -> Span:
        offset, line = self._counted if self._counted[0] <= start else (0, 1)
        line += self.text.count("\n", offset, start)
        self._counted = (start, line)
        column = start - self.text.rfind("\n", 0, start)
        return Span(self.source, line, column, line, column + end - start)

    def _refuse(self, words: str, hint: str = "") -> None:
        end = self.text.find("\n", self.at)
        span = self._span(self.at, len(self.text) if end < 0 else end)
        self.diagnostics.error("SU013", "a line of an env file cannot be read", detail=words, span=span, hint=hint)
        self._next_line()

    def _inherit(self, name: str, start: int) -> None:
        value = self.lookup(name)
        if value is not None:
            self.found[name] = Binding(name, value, self._span(start, start + len(name)))
        self._next_line()

    def _bind(self, name: str, start: int) -> None:
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        quote = self.text[self.at : self.at + 1]
        value = self._quoted(quote) if quote in ("'", '"') else self._unquoted()
        if value is not None:
            self.found[name] = Binding(name, value, self._span(start, start + len(name)))

    def _unquoted(self) -> str | None:
        start = self.at
        self._next_line()
        value = self.text[start : self.at].rstrip()
        is_comment = value.startswith("#") and self.text[start - 1] in " \t"
        return self._evaluate("" if is_comment else re.split(r"[ \t]#", value, maxsplit=1)[0].rstrip(), start)

    def _quoted(self, quote: str) -> str | None:
        start = self.at
        end = self._closing(quote, start + 1)
        if end < 0:
            self._refuse("a quote is not closed", f"close it with {quote}")
            self.at = len(self.text)
            return None
        value = self.text[start + 1 : end]
        self.at = end + 1
        line_end = self.text.find("\n", self.at)
        rest = self.text[self.at : line_end if line_end >= 0 else len(self.text)].strip()
        if rest and not rest.startswith("#"):
            self._refuse("text follows the closing quote", "quote the whole value, or put a # before a comment")
            return None
        self._next_line()
        if quote == "'":
            return value.replace("\\'", "'")
        return self._evaluate(_ESCAPE.sub(_unescape, value), start)

    def _closing(self, quote: str, start: int) -> int:
        at = start
        while at < len(self.text):
            if self.text[at] == "\\":
                at += 1
            elif self.text[at] == quote:
                return at
            at += 1
        return -1

    def _evaluate(self, value: str, start: int) -> str | None:
        evaluation = Evaluation(self._known, lambda variable: None)
        try:
            text = evaluation.text(value)
            self._total += len(text)
            if self._total > MAX_TOTAL:
                raise Malformed(f"all values together are longer than {MAX_TOTAL} characters", 0, 0)
            return text
        except (Malformed, Missing) as problem:
            end = self.text.find("\n", start)
            span = self._span(start, len(self.text) if end < 0 else end)
            words = str(problem)
            if isinstance(problem, Missing):
                words = f'"{problem.variable.name}" is required: {problem}'
            self.diagnostics.error("SU013", "a line of an env file cannot be read", detail=words, span=span)
            return None

    def _known(self, name: str) -> str | None:
        value = self.lookup(name)
        if value is None and name in self.found:
            return self.found[name].value
        return value


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code, 8) & 0xFF) if code[0] == "0" else _ESCAPES[code]
