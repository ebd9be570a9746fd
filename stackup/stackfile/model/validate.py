"""Plain data in long form to a Stack, or to problems that say in our words what pydantic found, and where.

A problem's path is the path of the value in the file, since the models know one form only. The only place that reads
pydantic's errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError

from stackup.stackfile.model.stack import Stack
from stackup.values import Json


@dataclass(frozen=True, slots=True)
class Problem:
    """`kind` unknown: a key that no model has; missing: a key that must be there. `known` are the keys, or the words,
    that may stand here, where they are few."""

    path: tuple[str | int, ...]
    kind: Literal["unknown", "missing", "invalid"]
    message: str
    known: tuple[str, ...] = ()


def validate(data: Json) -> Stack | tuple[Problem, ...]:
    """All problems at once."""
    try:
        return Stack.model_validate(data)
    except ValidationError as problem:
        return tuple(_problem(error) for error in problem.errors(include_url=False))


def _problem(error: Any) -> Problem:
    path: tuple[str | int, ...] = error["loc"]
    match error["type"]:
        case "extra_forbidden":
            return Problem(path, "unknown", "", keys_at(path[:-1]))
        case "missing":
            return Problem(path, "missing", f'"{path[-1]}" is missing')
        case "literal_error":
            words = re.findall("'([^']+)'", error["ctx"]["expected"])
            return Problem(path, "invalid", _message(error), tuple(words))
        case _:
            return Problem(path, "invalid", _message(error))


def _message(error: Any) -> str:
    """pydantic's words are about Python; ours are about files."""
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "literal_error":
            expected = error["ctx"]["expected"].replace("'", "")
            return f"expected {expected}, found {_shown(error['input'])}"
        case "tuple_type" | "list_type":
            return f"expected a list, found {_shown(error['input'])}"
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type":
            return f"expected a mapping, found {_shown(error['input'])}"
        case _:
            return str(error["msg"])


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return str(value)


def keys_at(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that the mapping at `path` may have; none where any key may stand."""
    place: Any = Stack
    for step in path:
        model = _model(place)
        if model is not None:
            found = model.model_fields.get(str(step))
            place = found.annotation if found else None
        else:
            place = _item(place)
    model = _model(place)
    return tuple(key for key in model.model_fields if key != "extensions") if model else ()


def _model(place: Any) -> type[BaseModel] | None:
    for candidate in (place, *get_args(place)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate if candidate is place or type(None) in get_args(place) else None
    return None


def _item(place: Any) -> Any:
    """The type of the values of a dict or the items of a tuple."""
    found = [candidate for candidate in get_args(place) if candidate not in (str, Ellipsis, type(None))]
    return found[-1] if found else None
