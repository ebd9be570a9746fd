"""The tree that every stage hands to the next: immutable nodes that keep the place they were written at.

A Document is what one YAML document says. Stages build new nodes and share what they did not change; a node that a
stage makes up takes the span of what it was made from. Paths are tuples, never dotted strings. No YAML library, no
pydantic here.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingLike
from dataclasses import dataclass, replace
from typing import TypeAlias

from stackup.diagnostics import Span
from stackup.values import Json

Path: TypeAlias = "tuple[str | int, ...]"
Value: TypeAlias = "str | int | float | bool | None"

RESET = "!reset"
OVERRIDE = "!override"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `text` is how it was spelled, `plain` that it stood without quotes."""

    value: Value
    span: Span
    text: str = ""
    plain: bool = False
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    span: Span
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a mapping; `key` is where the key stands."""

    key: Span
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys in the order of the file. The dictionary is never changed after it was put here."""

    entries: MappingLike[str, Entry]
    span: Span
    tag: str = ""

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.value if entry else None


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """`source` is the name as the user would type it, `text` what it holds."""

    source: str
    root: Mapping
    text: str = ""


def spell(value: object) -> str:
    """A scalar as docker compose hands it on as text: Go's `%v`, so `1.10` without quotes is `1.1`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, float):
        return _spell_float(value)
    return str(value)


def _spell_float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    return text if "e" in text or abs(value) >= 1e-4 else f"{value:e}"


def text_at(span: Span, text: str | None = None) -> Scalar:
    """A made-up text or null that stands where `span` does."""
    return Scalar(text, span, text or "")


def mapping_at(span: Span, values: MappingLike[str, Node], tag: str = "") -> Mapping:
    """A made-up mapping whose keys stand where its values do."""
    return Mapping({key: Entry(value.span, value) for key, value in values.items()}, span, tag)


def with_tag(node: Node, tag: str) -> Node:
    return node if node.tag == tag else replace(node, tag=tag)


def with_entries(node: Mapping, entries: MappingLike[str, Entry]) -> Mapping:
    return Mapping(entries, node.span, node.tag)


def with_value(node: Mapping, key: str, value: Node, key_span: Span | None = None) -> Mapping:
    """The mapping with one key set; a new key stands where its value does."""
    known = node.entries.get(key)
    span = key_span or (known.key if known else value.span)
    return with_entries(node, {**node.entries, key: Entry(span, value)})


def without(node: Mapping, *keys: str) -> Mapping:
    return with_entries(node, {key: entry for key, entry in node.entries.items() if key not in keys})


def section(root: Mapping, *path: str) -> Mapping:
    """The mapping at `path`, or an empty one."""
    node: Node | None = root
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else Mapping({}, root.span)


def texts(node: Node | None) -> tuple[str, ...]:
    """The texts of a list of texts, numbers as they are spelled; what is something else is left out, since validation
    names it.
    """
    if not isinstance(node, Sequence):
        return ()
    return tuple(spell(item.value) for item in node.items if isinstance(item, Scalar) and _is_text(item.value))


def _is_text(value: Value) -> bool:
    """Whether validation takes it as text."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def plain(node: Node) -> Json:
    """The tree as JSON would have it."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(entry.value) for key, entry in node.entries.items()}


def select(root: Node, path: Path) -> Node | None:
    node: Node | None = root
    for step in path:
        match node:
            case Mapping() if isinstance(step, str):
                node = node.get(step)
            case Sequence() if isinstance(step, int) and 0 <= step < len(node.items):
                node = node.items[step]
            case _:
                return None
    return node


def key_span(root: Node, path: Path) -> Span | None:
    """Where the key at the end of `path` stands, or the item if the end is an index."""
    parent = select(root, path[:-1])
    if isinstance(parent, Mapping) and path and str(path[-1]) in parent.entries:
        return parent.entries[str(path[-1])].key
    node = select(root, path)
    return node.span if node else None


def nearest_span(root: Node, path: Path) -> Span:
    """Where `path` stands, or as much of it as there is: the value of a scalar, the key of anything larger."""
    for length in range(len(path), 0, -1):
        node = select(root, path[:length])
        if isinstance(node, Scalar):
            return node.span
        if node is not None:
            return key_span(root, path[:length]) or node.span
    return root.span


def origins(root: Node) -> dict[Path, Span]:
    """Where everything in the tree comes from: the value of a scalar, the key of anything larger."""
    return dict(_origins(root, (), root.span))


def _origins(node: Node, path: Path, key: Span) -> Iterator[tuple[Path, Span]]:
    match node:
        case Scalar():
            yield path, node.span if node.span.line else key
        case Sequence():
            yield path, key
            for index, item in enumerate(node.items):
                yield from _origins(item, (*path, index), item.span)
        case Mapping():
            yield path, key
            for name, entry in node.entries.items():
                yield from _origins(entry.value, (*path, name), entry.key)
