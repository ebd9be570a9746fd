"""The JSON schema of stack files, for editors: the models' long forms, and what the canonical table takes besides.

Walks the types of the models beside the table, so that a new key or a new short form is in the schema without a word
here. Draft 7, which every editor's language server knows. A text with a `$` passes everywhere, since a variable may be
anything; so does null at any key, which is as good as absent and what `!reset` carries.
"""

from __future__ import annotations

import types
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from stackup.stackfile.canonical import TABLE
from stackup.stackfile.check_values import WORDS, expected, words_pattern
from stackup.stackfile.form import NULL, Rule
from stackup.stackfile.model.foreign import Model
from stackup.stackfile.model.network import Provider
from stackup.stackfile.model.part import Part
from stackup.stackfile.model.reuse import Extends, Include
from stackup.stackfile.model.scalars import Count, Duration, Flag, Loose, Micros, Mode, Number, Size, Text, Word
from stackup.stackfile.model.service import Service
from stackup.stackfile.model.stack import Stack
from stackup.stackfile.patterns import Table

Schema: TypeAlias = dict[str, Any]
Place: TypeAlias = "Table[Rule]"

_WHOLE = r"\s*[-+]?[0-9]+\s*"
_SIZE = r"\s*(-1|[0-9]+(\.[0-9]+)?\s*[bkmgtpBKMGTP]?([iI]?[bB])?)\s*"
_DURATION = r"\s*(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+)\s*"
_NUMBER = r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*"
_FLAG = "[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[yY]([eE][sS])?|[nN][oO]?|[oO][nN]|[oO][fF][fF]|1|0"


def _text(pattern: str, expected: str) -> Schema:
    """Texts of a pattern, and those with a variable; editors say what was `expected`."""
    return {"pattern": f"^({pattern})$|\\$", "patternErrorMessage": f"Expected {expected}."}


SCALARS: dict[Any, Schema] = {
    Text: {"type": ["string", "number"]},
    Word: {"type": ["string", "number", "boolean"]},
    Flag: {"type": ["boolean", "string"]} | _text(_FLAG, "true or false"),
    Count: {"type": ["integer", "string"]} | _text(_WHOLE, "a whole number"),
    Number: {"type": ["number", "string"]} | _text(_NUMBER, "a number"),
    Size: {"type": ["integer", "string"]} | _text(_SIZE, "a size such as 512m"),
    Duration: {"type": ["string", "integer"], "minimum": 0, "maximum": 0}
    | _text(_DURATION, "a duration such as 1m30s"),
    Micros: {"type": ["integer", "string"]} | _text(rf"\s*[0-9]+\s*|{_DURATION}", "microseconds or a duration"),
    Mode: {"type": ["integer", "string"]} | _text(r"\s*(0o)?[0-7]{1,10}\s*", "an octal mode such as 0440"),
    Loose: {},
}
"""How each scalar type may be spelled; a test holds it against the readers of `scalars`."""

_ALSO: dict[type[Part], dict[str, tuple[Any, str]]] = {
    Stack: {
        "include": (tuple[Include, ...], "Other stack files, each with a folder and variables of its own."),
        "version": (Loose, "Obsolete and ignored."),
    },
    Service: {"extends": (Extends, "A service that this one is built on.")},
}
"""Keys of files that a Stack does not have any more."""

_BY_KEY = (Model, Provider)
"""Merged by key and not as a whole: one file may have what another file leaves out."""


def schema() -> Schema:
    definitions: dict[str, Schema] = {}
    root = _mapping(Stack, TABLE, definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def _shape(kind: Any, place: Place | None, definitions: dict[str, Schema]) -> Schema:
    """What may stand at a place: the long form, or what the place's rule takes."""
    rule = place.rule if place else None
    return _either(_long(kind, place, definitions), rule.takes if rule else None)


def _long(kind: Any, place: Place | None, definitions: dict[str, Schema]) -> Schema:
    if kind in SCALARS:
        return SCALARS[kind]
    if get_origin(kind) in (Union, types.UnionType):
        one, *rest = [branch for branch in get_args(kind) if branch is not type(None)]
        assert not rest, f"a model has one form only: {kind}"
        return _either(_long(one, place, definitions), NULL)
    if get_origin(kind) is Literal:
        return {"anyOf": [{"enum": list(get_args(kind))}, {"type": "string", "pattern": "\\$"}]}
    below = place.down("*") if place else None
    if get_origin(kind) is dict:
        values = _either(_shape(get_args(kind)[1], below, definitions), NULL)
        return {"type": "object", "additionalProperties": values}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _shape(get_args(kind)[0], below, definitions)}
    return _reference(kind, place, definitions)


def _reference(kind: type[Part], place: Place | None, definitions: dict[str, Schema]) -> Schema:
    made = _mapping(kind, place, definitions)
    assert definitions.setdefault(kind.__name__, made) == made, f"{kind.__name__} has other short forms elsewhere"
    return {"$ref": f"#/definitions/{kind.__name__}"}


def _mapping(kind: type[Part], place: Place | None, definitions: dict[str, Schema]) -> Schema:
    types_of = get_type_hints(kind, include_extras=True)
    keys = {key: (types_of[key], str(field.description)) for key, field in kind.model_fields.items()}
    keys |= _ALSO.get(kind, {})
    del keys["extensions"]
    required = [key for key, field in kind.model_fields.items() if field.is_required() and kind not in _BY_KEY]
    return {
        "type": ["object", "null"],
        "description": kind.__doc__ or "",
        "properties": {key: _property(kind, key, *keys[key], place, definitions) for key in keys},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    } | ({"required": required} if required else {})


def _property(
    kind: type[Part], key: str, of: Any, description: str, place: Place | None, definitions: dict[str, Schema]
) -> Schema:
    rule = place.rule if place else None
    shape = _shape(of, place.down(key) if place else None, definitions)
    if kind is Service and key in WORDS:
        shape = shape | _text(words_pattern(key), expected(key)) | {"examples": _examples(key)}
    shape = _either(_either(shape, rule.inside.get(key) if rule else None), NULL)
    return {"description": description} | shape


def _examples(key: str) -> list[str]:
    """What an editor offers: words that stand for themselves."""
    return [plain for word in WORDS[key] if (plain := word.partition("[")[0]).islower()]


def _either(one: Schema, other: Any) -> Schema:
    """One or the other, as one shape where that can be, since editors explain it better than alternatives. What is
    referred to takes null itself."""
    if other is None or one == {} or (other == NULL and "$ref" in one):
        return one
    branches = list(one["anyOf"]) if set(one) == {"anyOf"} else [one]
    for number, branch in enumerate(branches):
        if joined := _joined(branch, other):
            branches[number] = joined
            return _any(branches)
    return _any([*branches, dict(other)])


def _joined(one: Schema, other: Schema) -> Schema | None:
    """One shape for values of several kinds, whose keywords speak of one kind each; None where both speak of one."""
    if not ("type" in one and "type" in other) or "enum" in one or "enum" in other:
        return None
    known, more = _kinds(one), [kind for kind in _kinds(other) if kind not in _kinds(one)]
    if other == NULL or len(more) == len(_kinds(other)) or set(one) == set(other) == {"type"}:
        return one | other | {"type": [*known, *more]}
    return None


def _any(branches: list[Schema]) -> Schema:
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def _kinds(shape: Schema) -> list[str]:
    kinds = shape["type"]
    return list(kinds) if isinstance(kinds, list) else [kinds]
