"""The JSON schema of what `--progress json` prints, one object a line: made from the events as they are declared."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

from stackup.cli.views.progress import EVENT_FORMAT
from stackup.events import Event

_TYPES: dict[Any, dict[str, Any]] = {
    float: {"type": "number"},
    int: {"type": "integer"},
    str: {"type": "string"},
    tuple[str, ...]: {"type": "array", "items": {"type": "string"}},
}


def event_schema() -> dict[str, Any]:
    """Draft 7."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "description": "One line of --progress json. `at` is in seconds since 1970, `address` says which resource.",
        "oneOf": [_event(kind) for kind in get_args(Event)],
    }


def _event(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    return {
        "type": "object",
        "description": " ".join(kind.__doc__.split()),
        "properties": {
            "schema": {"const": EVENT_FORMAT},
            "event": {"const": kind.__name__},
            **{name: _TYPES[hints[name]] for name in names},
        },
        "required": ["schema", "event", *names],
        "additionalProperties": False,
    }
