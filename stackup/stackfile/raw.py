"""Values that still hold their variables: to find them, to print a tree of them, and to bear with what they may become.

For `config --no-interpolate`. A variable can become a number, a flag or three ports, so no such tree can be a Stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackup.stackfile.document import Mapping, Node, Path, Scalar, Sequence, plain, select
from stackup.stackfile.interpolate import Malformed, Variable, scan
from stackup.values import Json

_NOTHING = (False, "", "")
_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$[A-Za-z_{]")


def holds_variable(node: Node) -> bool:
    """In the value itself, or in an item of the list."""
    match node:
        case Scalar():
            return isinstance(node.value, str) and bool(_VARIABLE.search(node.value))
        case Sequence():
            return any(holds_variable(item) for item in node.items if isinstance(item, Scalar))
        case Mapping():
            return False


def may_become_valid(root: Mapping, path: Path) -> bool:
    """Whether what is wrong at `path` is a value, or in a list of values, that a variable has yet to make."""
    return any(
        (found := select(root, path[:length])) is not None and holds_variable(found)
        for length in range(len(path), max(0, len(path) - 2), -1)
    )


def outline(root: Mapping) -> dict[str, Json]:
    """Plain data with its keys sorted, as docker compose prints what it did not interpolate."""
    found = _sorted(plain(root))
    assert isinstance(found, dict), "a mapping is a dictionary"
    return found


def variables(root: Mapping) -> list[tuple[str, bool, str, str]]:
    """(name, required, default, alternative) of what values ask for; of several mentions the last that says more."""
    found: dict[str, tuple[str, bool, str, str]] = {}
    for text in _texts(root):
        for variable in _mentioned(text):
            word, operator = variable.word, variable.operator.lstrip(":")
            row = (variable.name, operator == "?", word if operator == "-" else "", word if operator == "+" else "")
            if variable.name not in found or row[1:] != _NOTHING:
                found[variable.name] = row
    return [found[name] for name in sorted(found)]


def _texts(node: Node) -> Iterator[str]:
    match node:
        case Scalar():
            if isinstance(node.value, str) and "$" in node.value:
                yield node.value
        case Sequence():
            for item in node.items:
                yield from _texts(item)
        case Mapping():
            for entry in node.entries.values():
                yield from _texts(entry.value)


def _mentioned(text: str) -> Iterator[Variable]:
    """Those of a text, and of the words behind their operators; none in what is not written as it should be."""
    try:
        parts = scan(text)
    except Malformed:
        return
    for part in parts:
        if isinstance(part, Variable):
            yield part
            yield from _mentioned(part.word)


def _sorted(data: Json) -> Json:
    if isinstance(data, dict):
        return {key: _sorted(value) for key, value in sorted(data.items())}
    return [_sorted(item) for item in data] if isinstance(data, list) else data
