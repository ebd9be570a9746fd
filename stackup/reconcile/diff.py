"""The three-way field diff: wanted by the file, recorded by us, told by the kernel. Pure, generic, driven by a table.

Mappings are compared key by key, everything else as a whole: a list is one value, since its order has a meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from stackup.diagnostics import Span
from stackup.reconcile.resource import Desired, Effect, Effects, Observed, Row
from stackup.values import Data, FieldPath, Json

Part = TypeVar("Part", bound="str | int")
ABSENT = "\0absent"
"""Stands for "there is no such field"; NUL cannot occur in a value of a stack file."""


class Cause(str, Enum):
    FILE = "file"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field that is not as wanted. `live` is ABSENT where the kernel has no say; `span` is the line that did it."""

    path: FieldPath
    wanted: Json
    recorded: Json
    live: Json
    cause: Cause
    effect: Effect
    why: str
    span: Span | None = None


def diff(desired: Desired, observed: Observed, effects: Effects) -> tuple[FieldDiff, ...]:
    """Everything in which the resource differs from what is wanted, in the order of the normal form."""
    found = [*_file_diffs(desired, observed, effects), *_drifts(desired, observed, effects)]
    return tuple(item for item in found if item.effect is not Effect.IGNORE)


def _file_diffs(desired: Desired, observed: Observed, effects: Effects) -> Iterator[FieldDiff]:
    for path, wanted, recorded in differences(desired.spec, observed.recorded):
        row = effect_of(effects, path)
        live = observed.live.get(path, ABSENT)
        span = origin_of(desired.origins, path)
        yield FieldDiff(path, wanted, recorded, live, Cause.FILE, row.effect, row.why, span)


def _drifts(desired: Desired, observed: Observed, effects: Effects) -> Iterator[FieldDiff]:
    for path, live in observed.live.items():
        recorded, wanted = field_at(observed.recorded, path), field_at(desired.spec, path)
        if live != recorded and wanted == recorded:
            row = effect_of(effects, path)
            yield FieldDiff(path, wanted, recorded, live, Cause.DRIFT, row.effect, row.why)


def differences(wanted: Data, recorded: Data, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Json, Json]]:
    """(path, wanted, recorded) of every leaf that differs; a key that only one side has is one difference."""
    for key in [*wanted, *(key for key in recorded if key not in wanted)]:
        ours, theirs = wanted.get(key, ABSENT), recorded.get(key, ABSENT)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from differences(ours, theirs, (*path, key))
        elif ours != theirs or type(ours) is not type(theirs):
            yield (*path, key), ours, theirs


def field_at(data: Json, path: FieldPath) -> Json:
    """The value at a path, ABSENT where there is none."""
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return ABSENT
        data = data[key]
    return data


def effect_of(effects: Effects, path: FieldPath) -> Row:
    """The table's row for a path: its longest prefix; a field that no row names is replaced, which is always right.

    `*` in the second place stands for every key that the user gave: `mounts.*.size`.
    """
    for length in range(len(path), 0, -1):
        row = effects.get(".".join(path[:length])) or effects.get(".".join((path[0], "*", *path[2:length])))
        if row is not None:
            return row
    return Row(Effect.REPLACE, "no rule says how to change it in place")


def origin_of(origins: Mapping[tuple[Part, ...], Span], path: tuple[Part, ...]) -> Span | None:
    """The line that gave a field: its own, else the nearest enclosing one's."""
    for length in range(len(path), -1, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return None
