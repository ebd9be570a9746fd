"""The grammar of env files, as docker compose reads them, and the `raw` one of `docker run --env-file`.

Text in, names and values out; nothing is opened here. Unquoted and double-quoted values are interpolated (the run's
variables first, then earlier lines), single-quoted ones are not. A name alone takes the run's value, or is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from stackup.diagnostics import Diagnostics, Span
from stackup.stackfile.environment import Binding
from stackup.stackfile.interpolate import MAX_TOTAL, Evaluation, Lookup, Malformed, Missing

_KEY = re.compile(r"[ \t]*(?:export[ \t]+)?([\w.\-\[\]]+)[ \t]*")
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


def parse_env(
    text: str, source: str, lookup: Lookup, diagnostics: Diagnostics, earlier: Mapping[str, Binding] | None = None
) -> dict[str, Binding]:
    """The variables of an env file; of a name given twice, the later. A line that is none is a diagnostic.

    A value's own variables are looked up first, then the lines above, then `earlier`, those of the files before.
    """
    return _Reader(text.replace("\r\n", "\n"), source, lookup, diagnostics, earlier or {}).read()


def parse_raw(text: str, source: str, lookup: Lookup, diagnostics: Diagnostics) -> dict[str, Binding]:
    """`format: raw`: everything behind the first `=` is the value, quotes and dollars included."""
    found: dict[str, Binding] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        words = line.lstrip()
        if not words or words.startswith("#"):
            continue
        name, mark, value = words.partition("=")
        column = 1 + len(line) - len(words)
        span = Span(source, number, column, number, column + max(1, len(name)))
        if not name or " " in name or "\t" in name:
            _refuse_name(name, span, diagnostics)
            continue
        given = value if mark else lookup(name)
        if given is not None:
            found[name] = Binding(name, given, span)
    return found


def _refuse_name(name: str, span: Span, diagnostics: Diagnostics) -> None:
    diagnostics.error(
        "SU013",
        "a line of an env file cannot be read",
        detail=f'"{name}" has a blank in it' if name else "a name is missing",
        span=span,
        label="no name of a variable",
        hint="lines of the raw format are NAME=value without a blank before the =; quotes, export and $ mean nothing",
    )


class _Reader:
    """Walks the text once; `at` is where it stands."""

    def __init__(
        self, text: str, source: str, lookup: Lookup, diagnostics: Diagnostics, earlier: Mapping[str, Binding]
    ) -> None:
        self.text = text
        self.earlier = earlier
        self.source = source
        self.lookup = lookup
        self.diagnostics = diagnostics
        self.at = 0
        self._counted = (0, 1)
        self._total = 0
        self.found: dict[str, Binding] = {}
        self._silent: set[str] = set()
        """Names that were told already: as not set, or because their own line cannot be read."""

    def read(self) -> dict[str, Binding]:
        while self._skip_blank():
            key = _KEY.match(self.text, self.at)
            follows = self.text[key.end() : key.end() + 1] if key else ""
            if key is None or follows not in ("=", ":", "\n", ""):
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

    def _warn_of_rest(self, start: int, length: int) -> None:
        """docker compose goes on behind the quote as if a new line began there, and so do we."""
        self.at = start
        self.diagnostics.warning(
            "SU013",
            "a line of an env file cannot be read",
            detail="text follows the closing quote",
            span=self._span(start, start + length),
            label="read as a line of its own",
            hint="quote the whole value, or put a # before a comment",
        )

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
        if value is None:
            self._silent.add(name)
        else:
            self.found[name] = Binding(name, value, self._span(start, start + len(name)))

    def _unquoted(self) -> str | None:
        start = self.at
        self._next_line()
        value = self.text[start : self.at].partition(" #")[0].rstrip()
        return self._evaluate(value, start)

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
            self._warn_of_rest(self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip()), len(rest))
        else:
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
        evaluation = Evaluation(self._known, lambda variable: self._unset(variable.name, start))
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
        binding = self.found.get(name) or self.earlier.get(name)
        return binding.value if value is None and binding else value

    def _unset(self, name: str, start: int) -> None:
        if name in self._silent:
            return
        self._silent.add(name)
        at = re.compile(rf"\$\{{?{name}").search(self.text, start)
        span = self._span(at.start(), at.end()) if at else self._span(start, start + 1)
        self.diagnostics.warning(
            "SU012",
            "a variable is not set",
            detail=f'"{name}" gives an empty text',
            span=span,
            label="not set",
            hint=f"set {name}, write ${{{name}:-}} if empty is meant, or quote the value with '",
        )


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code, 8) & 0xFF) if code[0] == "0" else _ESCAPES[code]
