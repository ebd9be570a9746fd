"""Tables from path pattern to rule: `services.*.ports` names a place in the file, `*` any key or index.

A table is written flat, to be read and extended by rows, and compiled once to a tree that a walk descends beside the
nodes. Patterns are ours and have no dots inside a key; paths of a file are tuples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Table(Generic[T]):
    """One level of a compiled table: the rule of this place, and the places below."""

    __slots__ = ("below", "rule")

    def __init__(self) -> None:
        self.rule: T | None = None
        self.below: dict[str, Table[T]] = {}

    def down(self, key: str) -> Table[T] | None:
        """The place of `key` below this one; a row that names the key wins over one with a star."""
        return self.below.get(key) or self.below.get("*")


def table(rows: Mapping[str, T]) -> Table[T]:
    root: Table[T] = Table()
    for pattern, rule in rows.items():
        place = root
        for key in pattern.split(".") if pattern else ():
            place = place.below.setdefault(key, Table())
        place.rule = rule
    return root


def rows(place: Table[T], path: tuple[str, ...] = ()) -> Iterator[tuple[str, T]]:
    """The table as it was written, in the order of the tree."""
    if place.rule is not None:
        yield ".".join(path), place.rule
    for key, below in place.below.items():
        yield from rows(below, (*path, key))
