"""Values of normal forms in the user's words: sizes as 512M, durations as 1m30s, digests and texts shortened."""

from __future__ import annotations

import json

from stackup.reconcile.diff import ABSENT
from stackup.values import FieldPath, Json, format_duration, format_size

SIZES = ("memory", "memory_reservation", "memory_swap", "shm_size", "size", "read_bps", "write_bps")
DURATIONS = ("interval", "timeout", "start_period", "start_interval", "grace", "delay", "window")
WIDTH = 44
DIGEST = ("digest",)
"""Of a secret's or config's bytes: that it is another one is all that there is to say."""


def shown(path: FieldPath, value: Json) -> str:
    """What a person would have written for the value of this field."""
    if value == ABSENT or value is None:
        return "(none)"
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return _cut(json.dumps(value, ensure_ascii=False))
    if isinstance(value, int):
        return _number(path[-1], value)
    if value.startswith("sha256:"):
        return value[:19]
    return _cut(value if value and value.isprintable() and value.strip() == value else json.dumps(value))


def name(path: FieldPath) -> str:
    """What a field is called; a published port is told by `transition`."""
    if path == DIGEST:
        return "bytes"
    return "ports" if is_port(path) else ".".join(path)


def transition(path: FieldPath, before: Json, after: Json) -> str:
    """`256M -> 512M`; a published port comes and goes as a whole: `8080->80/tcp  added`."""
    if path == DIGEST:
        return "changed"
    nothing = (ABSENT, None)
    if is_port(path) and (before in nothing or after in nothing):
        return f"{path[1]}  {'added' if before in nothing else 'removed'}"
    return f"{shown(path, before)} -> {shown(path, after)}"


def is_port(path: FieldPath) -> bool:
    """A published port of a container, whose key says all of it."""
    return len(path) == 2 and path[0] == "ports"


def _number(field: str, value: int) -> str:
    if field in SIZES and value >= 0:
        return format_size(value) if value else "unlimited"
    if field in DURATIONS:
        return format_duration(value)
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
