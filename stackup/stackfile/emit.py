"""Plain data to YAML text, in the style of docker compose: two spaces, lists indented, quotes only where needed.

Written by hand, since what has to be written is small and loading a YAML library to print costs 35 ms. What it writes
reads back as the same data; a property test holds it to that.
"""

from __future__ import annotations

import json
import re

from stackup.stackfile.resolve import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.values import Json

_PLAIN = re.compile(r"[A-Za-z0-9_./+(*$\\<;^~:-][^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]*\Z")
_START = re.compile(r"[A-Za-z0-9_./+($\\<;^]|-[^\s-]|--[^-]|:\S")
_UNSAFE = re.compile(r": |:\Z| #|\s\Z|\A[-?](\s|\Z)|\A(---|\.\.\.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_OLD_WORDS = re.compile(r"(y|n|yes|no|on|off|true|false|null|~)\Z", re.IGNORECASE)
_OLD_NUMBERS = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9]*)?\Z|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?")


MAX_KEY = 1000


def to_yaml(data: Json) -> str:
    return "".join(f"{line}\n" for line in _lines(data, "")).lstrip("\n")


def _lines(data: Json, indent: str) -> list[str]:
    if isinstance(data, dict) and data:
        return [line for key, value in data.items() for line in _entry(_head(key, indent), value, indent)]
    if isinstance(data, list) and data:
        return [line for value in data for line in _item(value, indent)]
    return [indent + _scalar(data, indent)]


def _head(key: str, indent: str) -> str:
    """A key that is too long to be seen as one, to YAML, is marked as one."""
    text = _text(key)
    return f"{indent}{text}:" if len(text) < MAX_KEY else f"{indent}? {text}\n{indent}:"


def _entry(head: str, value: Json, indent: str) -> list[str]:
    if isinstance(value, (dict, list)) and value:
        return [head, *_lines(value, indent + "  ")]
    return [f"{head} {_scalar(value, indent + '  ')}"]


def _item(value: Json, indent: str) -> list[str]:
    """The first line of a nested value stands behind its dash."""
    if isinstance(value, (dict, list)) and value:
        lines = _lines(value, indent + "  ")
        return [f"{indent}- {lines[0][len(indent) + 2 :]}", *lines[1:]]
    return [f"{indent}- {_scalar(value, indent + '  ')}"]


def _scalar(value: Json, indent: str) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _block(value, indent) if _is_block(value) else _text(value)
        case dict():
            return "{}"
        case list():
            return "[]"
        case float():
            return _number(value)
        case _:
            return str(value)


def _number(value: float) -> str:
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _is_block(text: str) -> bool:
    """Several lines without anything that a literal block cannot show."""
    if "\n" not in text or _CONTROL.search(text) or text[0] in " \n\t":
        return False
    return all(line == line.rstrip() for line in text.split("\n"))


def _block(text: str, indent: str) -> str:
    trimmed = text.rstrip("\n")
    ends = len(text) - len(trimmed)
    mark = "|-" if ends == 0 else "|" if ends == 1 else "|+"
    lines = [f"{indent}{line}" if line else "" for line in trimmed.split("\n")]
    return "\n".join([mark, *lines, *[""] * max(ends - 1, 0)])


def _text(text: str) -> str:
    if _OLD_WORDS.match(text) or _OLD_NUMBERS.match(text) or not isinstance(resolve(text), str) or text in ("<<", "="):
        return json.dumps(text)
    if _START.match(text) and _PLAIN.match(text) and not _UNSAFE.search(text):
        return text
    if "\n" in text or "\t" in text or _CONTROL.search(text):
        return _quoted(text)
    return "'" + text.replace("'", "''") + "'"


def _quoted(text: str) -> str:
    """Double quotes, with JSON's escapes, which are YAML's too."""
    shown = json.dumps(text, ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", shown)
