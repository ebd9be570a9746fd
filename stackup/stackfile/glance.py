"""The names of services and profiles that a stack file seems to have: a glance for a shell's completion, no reading.

Hot. Lines are looked at and not parsed, so a file that is half written still answers, and nothing is loaded for it;
only a file that keeps its services on one line is parsed. Names are given that need no quotes in any shell.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class Glance:
    """What was seen in one file."""

    __slots__ = ("includes", "profiles", "services")

    def __init__(self, text: str) -> None:
        self.services: list[str] = []
        self.profiles: list[str] = []
        self.includes: list[str] = []
        for path, value in _keys(text):
            self._see(path, value)
        if not self.services and "services" in text:
            self.services = list(filter(_is_name, _parsed(text)))

    def _see(self, path: tuple[str, ...], value: str) -> None:
        if path[:1] == ("services",):
            if len(path) == 2 and _is_name(path[1]):
                self.services.append(path[1])
                self.profiles += filter(_is_name, _words(value.partition("profiles:")[2].partition("]")[0].lstrip()))
            elif len(path) > 2 and path[2] == "profiles":
                self.profiles += filter(_is_name, _words(value))
        elif path[:1] == ("include",) and (len(path) == 1 or path[-1] in ("-", "path")):
            self.includes += _words(value)


def _parsed(text: str) -> list[str]:
    from stackup.diagnostics import Diagnostics
    from stackup.stackfile.document import section
    from stackup.stackfile.parse import parse  # 40 ms

    documents = parse(text.encode(), "", Diagnostics())
    return [name for document in documents for name in section(document.root, "services").entries]


def _is_name(text: str) -> bool:
    return bool(text) and LETTERS.issuperset(text)


def _words(value: str) -> list[str]:
    """`[a, "b"]`, or one of them."""
    parts = (part.strip(" \t\"'") for part in value.strip("[] \t").split(","))
    return [part for part in parts if part and not part.startswith("#")]


def _keys(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every `key: value` line with the keys above it, and every item of a list as a value of `-`."""
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        body = line.lstrip(" ")
        if not body or body[0] in "#%":
            continue
        indent = len(line) - len(body)
        is_item = body.startswith("- ")
        if is_item:
            indent, body = indent + 2, body[2:].lstrip(" ")
        key, colon, value = body.partition(":")
        if colon and value[:1] in ("", " ", "\t", "\r"):
            above = [pair for pair in above if pair[0] < indent]
            above.append((indent, key.strip("\"'")))
            yield tuple(name for _, name in above), value
        elif is_item:
            yield (*(name for at, name in above if at < indent), "-"), body
