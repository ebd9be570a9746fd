"""How values travel as JSON: a shape says at once how a value is written, how it is read and what a schema says of it.

So a format is a table of shapes, and its schema cannot differ from what is written. Readers raise what Python raises
(ValueError, KeyError, TypeError, AttributeError) on what is not of their shape; the caller says whose file it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    out: Callable[[Any], Any]
    read: Callable[[Any], Any]
    schema: dict[str, Any]


def _same(value: Any) -> Any:
    return value


ANY = Shape(_same, _same, {})
TEXT = Shape(_same, _same, {"type": "string"})
FLAG = Shape(_same, _same, {"type": "boolean"})
COUNT = Shape(_same, _same, {"type": "integer"})
DATA = Shape(_same, _same, {"type": "object"})


def words(kind: type[Enum]) -> Shape:
    return Shape(attrgetter("value"), kind, {"enum": [word.value for word in kind]})


def maybe(item: Shape) -> Shape:
    """The value, or null for None."""
    return Shape(
        lambda value: None if value is None else item.out(value),
        lambda data: None if data is None else item.read(data),
        {"anyOf": [item.schema, {"type": "null"}]},
    )


def listed(item: Shape, kind: Callable[[Any], Any] = tuple) -> Shape:
    return Shape(
        lambda values: [item.out(value) for value in values],
        lambda data: kind(item.read(value) for value in data),
        {"type": "array", "items": item.schema},
    )


def paired(key: Shape, value: Shape) -> Shape:
    """A mapping whose keys are no texts, as a list of pairs."""
    return Shape(
        lambda values: [[key.out(one), value.out(other)] for one, other in values.items()],
        lambda data: {key.read(one): value.read(other) for one, other in data},
        {"type": "array", "items": _tuple([key, value])},
    )


def keyed(key: Shape, value: Shape) -> Shape:
    """A mapping whose keys can be written as texts."""
    return Shape(
        lambda values: {key.out(one): value.out(other) for one, other in values.items()},
        lambda data: {key.read(one): value.read(other) for one, other in data.items()},
        {"type": "object", "additionalProperties": value.schema},
    )


def row(kind: Callable[..., Any], **fields: Shape) -> Shape:
    """A small value as a list of its fields: there are many of them."""
    values, shapes = attrgetter(*fields), list(fields.values())
    is_plain = all(shape.out is _same and shape.read is _same for shape in shapes)
    schema = _tuple(shapes) | {"description": f"{', '.join(fields)}: {_said(kind)}"}
    if is_plain:
        return Shape(lambda value: list(values(value)), lambda data: kind(*data), schema)
    return Shape(
        lambda value: [shape.out(field) for shape, field in zip(shapes, values(value), strict=True)],
        lambda data: kind(*(shape.read(field) for shape, field in zip(shapes, data, strict=True))),
        schema,
    )


def record(kind: Callable[..., Any], **fields: Shape) -> Shape:
    """A value as a mapping of its fields."""
    return Shape(
        lambda value: {name: shape.out(getattr(value, name)) for name, shape in fields.items()},
        lambda data: kind(**{name: shape.read(data[name]) for name, shape in fields.items()}),
        {
            "type": "object",
            "description": _said(kind),
            "properties": {name: shape.schema for name, shape in fields.items()},
            "required": list(fields),
            "additionalProperties": False,
        },
    )


def _tuple(shapes: list[Shape]) -> dict[str, Any]:
    count = len(shapes)
    return {"type": "array", "items": [shape.schema for shape in shapes], "minItems": count, "maxItems": count}


def _said(kind: Callable[..., Any]) -> str:
    """What the docstring says, in one line."""
    return " ".join((kind.__doc__ or "").split())
