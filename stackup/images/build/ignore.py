"""`.dockerignore`: which paths of a build context are left out, as moby's pattern matcher decides it.

Pure. The last pattern that fits a path or one of its parents decides; `!` takes in again. Three kinds of pattern are no
globs but comparisons (as it is, `folder/**`, `**suffix`), and `**suffix` also fits the end of a name: that is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from posixpath import normpath

from stackup.images.build.expansion import SPACES
from stackup.images.build.globs import Glob, Token, literal

_SAFE_STARS = 2
"""Up to so many stars Python's own regular expressions cannot take long; they are much quicker than sets."""


class BadPattern(ValueError):
    """A pattern that means nothing."""


def read_ignore(text: str) -> list[str]:
    """The patterns of a file: no comments, no blank lines, cleaned, without a leading slash."""
    patterns = []
    for line in text.removeprefix("\ufeff").split("\n"):
        pattern = line.strip(SPACES)
        if line.startswith("#") or not pattern:
            continue
        invert = "!" if pattern.startswith("!") else ""
        pattern = pattern[len(invert) :].strip(SPACES)
        if pattern:
            pattern = clean(pattern)
            pattern = pattern[1:] if len(pattern) > 1 and pattern.startswith("/") else pattern
        patterns.append(invert + pattern)
    return patterns


def clean(path: str) -> str:
    """The shortest spelling of a path; `.` for nothing."""
    short = normpath(path)
    return "/" + short.lstrip("/") if short.startswith("//") else short


def ignore_match(path: str, patterns: Iterable[str]) -> bool:
    """Whether the path is left out. Raises BadPattern."""
    path = clean(path)
    rules = Ignore(patterns)
    return path != "." and rules.leaves_out(path)


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    takes_in: bool
    fits: Callable[[str], bool]


class Ignore:
    """A list of patterns, read once. `exceptions`: whether any takes something in again."""

    __slots__ = ("_rules", "exceptions")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules = tuple(_rule(clean(text)) for pattern in patterns if (text := pattern.strip(SPACES)))
        self.exceptions = any(rule.takes_in for rule in self._rules)

    def leaves_out(self, path: str) -> bool:
        """`path` is clean."""
        out = False
        family: list[str] = []
        for rule in self._rules:
            if rule.takes_in != out:
                continue
            family = family or lineage(path)
            if any(rule.fits(one) for one in family):
                out = not rule.takes_in
        return out


def lineage(path: str) -> list[str]:
    """The path and its parents."""
    parts = path.split("/")
    return [path, *("/".join(parts[:count]) for count in range(1, len(parts)))]


def _rule(pattern: str) -> _Rule:
    takes_in = pattern.startswith("!")
    text = pattern[1:] if takes_in else pattern
    if not text:
        raise BadPattern('"!" takes in nothing: a pattern must follow it')
    return _Rule(text, takes_in, fits(text))


def fits(text: str) -> Callable[[str], bool]:
    """Whether a path is what the pattern says; parents are not looked at. Raises BadPattern."""
    tokens = tokens_of(text)
    plain = not re.search(r"[*?\[\]\\]", text)
    if plain:
        return text.__eq__
    if text.startswith("**") and not re.search(r"[*?\[\]\\]", text[2:]):
        return _suffix(text[2:])
    if text.endswith("**") and not re.search(r"[*?\[\]\\]", text[:-2]):
        return lambda path: path.startswith(text[:-2])
    if sum(token.many for token in tokens) <= _SAFE_STARS:
        return regular(tokens)
    return Glob(tokens).matches


def _suffix(suffix: str) -> Callable[[str], bool]:
    return lambda path: path.endswith(suffix) or (suffix.startswith("/") and path == suffix[1:])


def regular(tokens: list[Token]) -> Callable[[str], bool]:
    """The same as a Glob of the tokens, quicker, and slow beyond measure with many stars."""
    pieces = []
    inside = False
    for token in tokens:
        piece = token.accepts + "*" * token.many
        pieces.append(f"(?:{piece}" if token.group else f"{piece})?" if inside else piece)
        inside = token.group
    compiled = re.compile("".join(pieces), re.DOTALL)
    return lambda path: compiled.fullmatch(path) is not None


def tokens_of(text: str) -> list[Token]:
    """`**/` is any number of folders; `*` and `?` stay in theirs."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == "*" and text.startswith("*", at):
            at += 2 if text.startswith("/", at + 1) else 1
            anything = Token("(?s:.)", many=True)
            tokens += [anything] if at >= len(text) else [Token("(?s:.)", many=True, group=True), literal("/")]
        elif letter == "*":
            tokens.append(Token("[^/]", many=True))
        elif letter == "?":
            tokens.append(Token("[^/]"))
        elif letter == "[":
            at = _class(text, at, tokens)
        elif letter == "\\":
            if at == len(text):
                raise BadPattern(f'pattern "{text}" ends with a backslash that escapes nothing')
            tokens.append(literal(text[at]))
            at += 1
        else:
            tokens.append(literal(letter))
    return tokens


def _class(text: str, at: int, tokens: list[Token]) -> int:
    """`[a-z]` and `[^a-z]`, from behind the bracket; the place behind the other one."""
    negated = text.startswith("^", at)
    at += negated
    ranges = ""
    while not (ranges and text.startswith("]", at)):
        low, at = _member(text, at)
        high = low
        if text.startswith("-", at):
            high, at = _member(text, at + 1)
        if low > high:
            raise BadPattern(f'pattern "{text}" has a range that ends before it begins')
        ranges += f"{re.escape(low)}-{re.escape(high)}"
    tokens.append(Token(f"[{'^' * negated}{ranges}]"))
    return at + 1


def _member(text: str, at: int) -> tuple[str, int]:
    escaped = text.startswith("\\", at)
    at += escaped
    if at >= len(text) or (not escaped and text[at] in "-]"):
        raise BadPattern(f'pattern "{text}" has a class in brackets that is not sound')
    return text[at], at + 1
