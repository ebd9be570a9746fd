"""The shapes that arguments of instructions have: flags, words, `name=value` pairs, JSON lists, plain text.

Pure: text in, values out; quotes stay. Each instruction has one shape (`dockerfile.SHAPES`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from stackup.images.build.expansion import SPACES

BLANK = re.compile(r"[\t\v\f\r ]+")


class FormError(ValueError):
    """Arguments that do not have their shape; `about` is the part to point at, if it is only a part."""

    def __init__(self, message: str, about: str = "") -> None:
        super().__init__(message)
        self.about = about


class NotStrings(FormError):
    """A JSON list, but not of strings: an error, where a broken list is plain text."""


def parse_json_args(text: str) -> list[str]:
    """The strings of a JSON list. Raises NotStrings, or FormError when it is no JSON list at all."""
    text = text.strip(SPACES)
    if not text.startswith("["):
        raise FormError("not a JSON array")
    try:
        items = json.loads(text, parse_constant=_no_constant, parse_float=_number, parse_int=_number)
    except (ValueError, RecursionError):
        raise FormError("not a JSON array") from None
    if not all(isinstance(item, str) for item in items):
        raise NotStrings("when using JSON array syntax, arrays must be comprised of strings only")
    return [_sound(item) for item in items]


def _no_constant(_word: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _number(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("a number that JSON readers do not hold")
    return value


def _sound(text: str) -> str:
    """Half of a surrogate pair is no character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def maybe_json(text: str) -> tuple[tuple[str, ...], bool]:
    """A JSON list, or the whole text as one argument; and whether it was JSON."""
    try:
        return tuple(parse_json_args(text)), True
    except NotStrings:
        raise
    except FormError:
        return ((text,) if text else ()), False


def blanks(text: str) -> tuple[str, ...]:
    return tuple(BLANK.split(text)) if text else ()


def maybe_json_list(text: str) -> tuple[tuple[str, ...], bool]:
    """A JSON list, or the text split at blanks, whatever quotes say."""
    found, is_json = maybe_json(text)
    return (found, True) if is_json else (blanks(text), False)


def words(text: str, escape: str) -> tuple[str, ...]:
    """Split at spaces outside of quotes; quotes and escapes stay."""
    return tuple(_words(text, escape))


def _words(text: str, escape: str) -> Iterator[str]:
    word: list[str] = []
    quote = ""
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if not quote and letter in SPACES:
            if word:
                yield "".join(word)
            word = []
            continue
        if letter == escape and quote != "'":
            if at == len(text):
                break  # an escape character at the very end is nothing
            word.append(letter)
            letter = text[at]
            at += 1
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        word.append(letter)
    if word:
        yield "".join(word)


def pairs(text: str, name: str, escape: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """`a=1 b=2`, or the old `a 1`; and whether it was the old form."""
    found = words(text, escape)
    if found and "=" not in found[0]:
        key, *value = BLANK.split(text, maxsplit=1)
        if not value:
            raise FormError(f"{name} must have two arguments", key)
        return ((key, value[0]),), True
    for word in found:
        if "=" not in word:
            raise FormError(f"can't find = in {json.dumps(word, ensure_ascii=False)}: must be name=value", word)
    return tuple((key, value) for key, _, value in (word.partition("=") for word in found)), False


def flags(text: str) -> tuple[tuple[str, ...], str]:
    """The words at the beginning that start with `--`, their quotes taken off, and what follows them."""
    found: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in SPACES:
            at += 1
        if not text.startswith("--", at):
            return tuple(found), text[at:].strip(SPACES)
        word, at = _flag(text, at)
        if word == "--":
            return tuple(found), text[at:].strip(SPACES)
        found.append(word)


def _flag(text: str, at: int) -> tuple[str, int]:
    """A backslash escapes here whatever the escape directive says."""
    word: list[str] = []
    quote = ""
    while at < len(text):
        letter = text[at]
        if not quote and letter in SPACES:
            break
        at += 1
        if letter == "\\":
            word.append(text[at : at + 1])
            at += 1
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        else:
            word.append(letter)
    return "".join(word), at
