"""Patterns with wildcards, matched in bounded time: what `${name#pattern}` and `.dockerignore` are made of.

A pattern is a row of tokens and runs as a set of positions in that row, all of them advanced with every character. A
regular expression would be shorter, and a hostile pattern with a handful of stars would keep it busy for years.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_LIMIT = 50_000_000
"""Positions times characters that one match may cost: below a second."""


class TooLong(ValueError):
    """A pattern and a text that would take too long together."""


@dataclass(frozen=True, slots=True)
class Token:
    """One character that `accepts` (a regular expression) describes; `many`: any number of them, none included.

    `group`: this token and the next may be left out together, as the folders of `**/`.
    """

    accepts: str
    many: bool = False
    group: bool = False


def literal(character: str) -> Token:
    return Token(re.escape(character))


@lru_cache(maxsize=4096)
def _takes(accepts: str, character: str) -> bool:
    return re.fullmatch(accepts, character) is not None


class Glob:
    """A compiled pattern. Position i of a set says that tokens before i are used up."""

    __slots__ = ("_group", "_many", "_masks", "_size", "tokens")

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tuple(tokens)
        self._size = len(self.tokens)
        self._many = sum(1 << at for at, token in enumerate(self.tokens) if token.many)
        self._group = sum(1 << at for at, token in enumerate(self.tokens) if token.group)
        self._masks: dict[str, int] = {}

    def matches(self, text: str) -> bool:
        """Whether the pattern is all of the text."""
        return len(text) in self.ends(text)

    def ends(self, text: str, start: int = 0, *, anywhere: bool = False) -> Iterator[int]:
        """Where a match that begins at `start` (`anywhere`: there or later) can end, in rising order."""
        if (len(text) - start) * (self._size + 1) > _LIMIT:
            raise TooLong("the pattern and the value are too long to be matched")
        done, first = 1 << self._size, self._closed(1)
        positions = first
        for at in range(start, len(text) + 1):
            if positions & done:
                yield at
            if at == len(text) or not (positions or anywhere):
                return
            positions = self._advanced(positions, text[at])
            if anywhere:
                positions |= first

    def _advanced(self, positions: int, character: str) -> int:
        mask = self._masks.get(character)
        if mask is None:
            mask = sum(1 << at for at, token in enumerate(self.tokens) if _takes(token.accepts, character))
            self._masks[character] = mask
        taken = positions & mask
        # Whoever stays at a `many` has begun it: it may end, but the group that it stands in is not left out any more.
        return (taken & self._many) | self._closed(taken << 1)

    def _closed(self, positions: int) -> int:
        """Positions that need no character to be reached: behind a `many`, behind a group."""
        while True:
            wider = positions | ((positions & self._many) << 1) | ((positions & self._group) << 2)
            if wider == positions:
                return positions
            positions = wider


def shell_tokens(pattern: str) -> list[Token]:
    """The pattern of `${name#pattern}`: `*` and `?`, and `\\` before one of `* ? \\ } /`. Lines are not crossed."""
    tokens: list[Token] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "*":
            if not (tokens and tokens[-1].many):
                tokens.append(Token(".", many=True))
        elif letter == "?":
            tokens.append(Token("."))
        elif letter == "\\":
            at += 1
            letter = pattern[at : at + 1]
            if not letter or letter not in "*?\\}/":
                raise ValueError(f"invalid pattern ({pattern}) in substitution: invalid escape '\\{letter}'")
            tokens.append(literal(letter))
        else:
            tokens.append(literal(letter))
        at += 1
    return tokens


def without_prefix(pattern: str, value: str, *, longest: bool) -> str:
    end = _end(Glob(shell_tokens(pattern)), value, longest=longest)
    return value if end is None else value[end:]


def without_suffix(pattern: str, value: str, *, longest: bool) -> str:
    end = _end(Glob(shell_tokens(pattern)[::-1]), value[::-1], longest=longest)
    return value if end is None else value[: len(value) - end]


def _end(glob: Glob, value: str, *, longest: bool, start: int = 0) -> int | None:
    ends = glob.ends(value, start)
    return max(ends, default=None) if longest else next(ends, None)


def replaced(pattern: str, value: str, replacement: str, *, every: bool) -> str:
    """Matches from the left, each as long as can be; an empty one only where the one before it did not end."""
    tokens = shell_tokens(pattern)
    forwards, backwards = Glob(tokens), Glob(tokens[::-1])
    size = len(value)
    starts = sorted({size - end for end in backwards.ends(value[::-1], anywhere=True)})
    pieces: list[str] = []
    copied, previous = 0, -1
    for start in starts:
        if start < copied:
            continue
        end = _end(forwards, value, longest=True, start=start)
        assert end is not None, "the pattern backwards has found its beginning"
        if start == end == previous:
            continue
        pieces += [value[copied:start], replacement]
        copied = previous = end
        if not every:
            break
    return "".join([*pieces, value[copied:]])
