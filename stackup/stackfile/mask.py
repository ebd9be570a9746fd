"""What `config --portable` hides: in free texts a variable keeps its name, so that its value is in no output.

`${PASSWORD}` stays `${PASSWORD}` where it has a value, and gives its default where it has none, since that is written
in the file. Where a value says what the stack is (an image, a port, a path, a number) it is evaluated as ever. The
places of free text are the table's.
"""

from __future__ import annotations

from dataclasses import replace

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import Document, Entry, Mapping, Node, Sequence, with_entries
from stackup.stackfile.environment import Environment
from stackup.stackfile.interpolate import interpolate
from stackup.stackfile.patterns import Table, table

MARK = "\ufdd0"
"""Stands for the dollar of a kept name; a code point that no text for interchange has."""

SERVICE_PLACES = (
    "annotations",
    "build.args",
    "build.labels",
    "command",
    "deploy.labels",
    "develop.watch.*.exec",
    "entrypoint",
    "environment",
    "healthcheck.test",
    "labels",
    "logging.options",
    "post_start.*.command",
    "post_start.*.environment",
    "pre_start.*.command",
    "pre_start.*.environment",
    "pre_stop.*.command",
    "pre_stop.*.environment",
    "provider.options",
)
TABLE: Table[bool] = table(
    {f"services.*.{place}": True for place in SERVICE_PLACES}
    | {f"{kind}.*.labels": True for kind in ("networks", "volumes", "secrets", "configs")}
    | {f"{kind}.*.driver_opts": True for kind in ("networks", "secrets", "configs")}
    | {"configs.*.content": True}
)


def masked(evaluated: Document, document: Document, environment: Environment) -> Document:
    """`evaluated` with the free texts of `document` evaluated to names; what that has to say was said before."""

    def name_of(name: str) -> str | None:
        return f"{MARK}{{{name}}}" if (value := environment.get(name)) else value

    hidden = interpolate(document, name_of, Diagnostics(), set())
    root = _grafted(evaluated.root, hidden.root, TABLE)
    return replace(evaluated, root=root) if isinstance(root, Mapping) else evaluated


def _grafted(shown: Node, hidden: Node, place: Table[bool]) -> Node:
    """The tree of `shown` with the masked branches of `hidden`, which has the same shape."""
    if place.rule:
        return hidden
    if isinstance(shown, Mapping) and isinstance(hidden, Mapping):
        entries = {
            key: Entry(entry.key, _entry(key, entry.value, hidden.entries[key].value, place))
            for key, entry in shown.entries.items()
        }
        return with_entries(shown, entries)
    below = place.down("*")
    if below and isinstance(shown, Sequence) and isinstance(hidden, Sequence):
        items = zip(shown.items, hidden.items, strict=True)
        return replace(shown, items=tuple(_grafted(one, other, below) for one, other in items))
    return shown


def _entry(key: str, shown: Node, hidden: Node, place: Table[bool]) -> Node:
    """Extension fields are free, and mostly where an anchor's texts stand."""
    below = place.down(key)
    if below is None:
        return hidden if key.startswith("x-") else shown
    return _grafted(shown, hidden, below)
