"""Words of a Dockerfile: quotes, escapes and `$name`, `${name...}` with all of BuildKit's operators.

Pure. It is a shell's expansion and yet not a shell's: no splitting but at spaces, no commands, no arrays. The corner
cases are BuildKit's, also where they are odd, since Dockerfiles were written against them (tests/cases/dockerfile).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from stackup.images.build.globs import replaced, without_prefix, without_suffix

SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go calls a space; Python's `isspace` adds four control characters."""
_SPACE = re.compile(f"[{SPACES}]")
_BLANKS = "\t\v\f\r "
_SPECIAL = "@*#?-$!0"
_DEPTH = 64
_LENGTH = 1 << 20
"""A word may not grow beyond this: forty lines of `ENV A=$A$A` would fill the memory."""


class WordError(ValueError):
    """A word that cannot be expanded; the message says why, lower case, without the word."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How much is taken off. The defaults are those for arguments of instructions."""

    escape: str = "\\"
    keep_quotes: bool = False
    keep_escapes: bool = False
    keep_unset: bool = False
    """`$name` of a variable that is not set stays as it is."""
    quotes_are_text: bool = False
    """For contents of heredocs: only variables and escapes are looked at."""


@dataclass(frozen=True, slots=True)
class Expansion:
    text: str
    words: tuple[str, ...]
    """The same split at spaces that were not quoted."""
    matched: frozenset[str]
    unmatched: frozenset[str]
    """Variables that were asked for and are set, and are not."""


def expand(word: str, env: Mapping[str, str], rules: Rules | None = None) -> Expansion:
    """Raises WordError."""
    run = _Run(word, env, rules or Rules())
    try:
        made = run.until("")
    except WordError:
        raise
    except ValueError as problem:
        raise WordError(str(problem)) from problem
    return Expansion(made.text, tuple(made.finish()), frozenset(run.matched), frozenset(run.unmatched))


@dataclass(slots=True)
class _Made:
    """What an expansion has made so far: the text, and the words it falls into."""

    pieces: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    word: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def add(self, text: str, *, split: bool) -> None:
        self.pieces.append(text)
        if not split:
            self.word.append(text)
            return
        first, *others = _SPACE.split(text)
        self.word.append(first)
        for piece in others:
            self._end()
            self.word.append(piece)

    def _end(self) -> None:
        word = "".join(self.word)
        if word:
            self.words.append(word)
        self.word.clear()

    def finish(self) -> list[str]:
        self._end()
        return self.words


class _Run:
    """One pass over one word."""

    __slots__ = ("_at", "_depth", "_env", "_escapes", "_grown", "_rules", "_text", "matched", "unmatched")

    def __init__(self, text: str, env: Mapping[str, str], rules: Rules) -> None:
        self._text = text
        self._at = 0
        self._env = env
        self._rules = rules
        self._escapes = rules.keep_escapes
        self._depth = 0
        self._grown = 0
        self.matched: set[str] = set()
        self.unmatched: set[str] = set()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        letter = self._peek()
        self._at += 1
        return letter

    def until(self, stop: str) -> _Made:
        """Up to the character `stop`, which is used up, or to the end."""
        made = _Made()
        quotes = "" if self._rules.quotes_are_text else "'\""
        while letter := self._peek():
            if letter == stop:
                self._at += 1
                return made
            if letter == "$":
                made.add(self._dollar(), split=True)
            elif letter in quotes:
                made.add(self._single() if letter == "'" else self._double(), split=False)
            elif letter == "<":
                made.add(self._angle(), split=False)
            elif letter == self._rules.escape:
                made.add(self._escaped(), split=False)
            else:
                made.add(self._next(), split=True)
        if stop:
            raise WordError(f"unexpected end of statement while looking for matching {stop}")
        return made

    def _escaped(self) -> str:
        """The escape character takes the meaning off the next one; at the end it is nothing."""
        kept = self._next() if self._escapes else self._next()[:0]
        return kept + self._next()

    def _angle(self) -> str:
        """`<<` keeps the spaces behind it in its word: `<< EOF` opens a heredoc."""
        begin = self._at
        self._at += 1
        if self._peek() == "<":
            self._at += 1
            while self._peek() and self._peek() in _BLANKS:
                self._at += 1
        return self._text[begin : self._at]

    def _single(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise WordError("unexpected end of statement while looking for matching single-quote")
        kept = self._rules.keep_quotes
        inside = self._text[self._at : end + 1] if kept else self._text[self._at + 1 : end]
        self._at = end + 1
        return inside

    def _double(self) -> str:
        quote = self._next() if self._rules.keep_quotes else self._next()[:0]
        pieces = [quote]
        while letter := self._peek():
            if letter == '"':
                self._at += 1
                return "".join([*pieces, quote])
            pieces.append(self._dollar() if letter == "$" else self._quoted())
        raise WordError("unexpected end of statement while looking for matching double-quote")

    def _quoted(self) -> str:
        """Within double quotes the escape character is one before `"`, `$` and itself only."""
        letter = self._next()
        if letter != self._rules.escape:
            return letter
        kept = letter if self._escapes else ""
        if not self._peek():
            return kept
        return kept + (self._next() if self._peek() in {'"', "$", letter} else letter)

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() == "{":
            self._at += 1
            self._depth += 1
            if self._depth > _DEPTH:
                raise WordError("substitutions are nested too deeply")
            value = self._braced()
            self._depth -= 1
        else:
            name = self._name()
            value = self._or_unset(name, f"${name}") if name else "$"
        self._grown += len(value)
        if self._grown > _LENGTH:
            raise WordError("the value is longer than 1 MiB")
        return value

    def _or_unset(self, name: str, written: str) -> str:
        value = self._get(name)
        if value is None:
            return written if self._rules.keep_unset else ""
        return value

    def _get(self, name: str) -> str | None:
        value = self._env.get(name)
        (self.unmatched if value is None else self.matched).add(name)
        return value

    def _name(self) -> str:
        """Letters, digits and `_`; a number if it begins with a digit; else one of the shell's own parameters."""
        begin = self._at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self._at += 1
        elif first and first in _SPECIAL:
            self._at += 1
        else:
            while (letter := self._peek()) and (letter.isalpha() or letter.isdecimal() or letter == "_"):
                self._at += 1
        return self._text[begin : self._at]

    def _braced(self) -> str:
        if not self._peek():
            raise WordError("syntax error: missing '}'")
        if self._peek() in "{}:":
            raise WordError("syntax error: bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            return self._or_unset(name, f"${{{name}}}")
        if operator == "/":
            return self._replace(name)
        colon = operator if operator == ":" else ""
        if colon:
            operator = self._next()
        if not operator:
            raise WordError("syntax error: missing '}'")
        if not colon and operator not in "+-?#%":
            raise WordError(f"unsupported modifier ({operator}) in substitution")
        word = self._operand("}", raw=operator in "#%")
        value = self._get(name)
        if value is None and self._rules.keep_unset:
            return f"${{{name}{colon}{operator}{word}}}"
        return _modified(name, colon + operator, word, value)

    def _replace(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self._at += 1
        pattern = self._operand("/", raw=True)
        replacement = self._operand("}", raw=True)
        value = self._get(name)
        if value is None and self._rules.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        return replaced(pattern, value or "", replacement, every=every)

    def _operand(self, stop: str, *, raw: bool) -> str:
        before, self._escapes = self._escapes, raw
        try:
            return self.until(stop).text
        except WordError:
            if not self._peek():
                raise WordError(f"syntax error: missing '{stop}'") from None
            raise
        finally:
            self._escapes = before


def _modified(name: str, operator: str, word: str, value: str | None) -> str:
    absent = value is None or (operator.startswith(":") and not value)
    text = value or ""
    match operator.removeprefix(":"):
        case "-":
            return word if absent else text
        case "+":
            return "" if absent else word
        case "?":
            if absent:
                reason = "is not allowed to be unset" if value is None else "is not allowed to be empty"
                raise WordError(f"{name}: {word or reason}")
            return text
        case "#":
            longest = word.startswith("#")
            return without_prefix(word[longest:], text, longest=longest)
        case "%":
            longest = word.startswith("%")
            return without_suffix(word[longest:], text, longest=longest)
        case other:
            raise WordError(f"unsupported modifier (:{other}) in substitution")
