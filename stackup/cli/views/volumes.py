"""Volumes as docker lists and describes them. Hot."""

from __future__ import annotations

import time

from stackup.cli.views import templates
from stackup.cli.views.images import human
from stackup.cli.views.tables import go_json, own_json, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from stackup.cli.call import Call
    from stackup.cli.options import Options

HEADS = {
    "Availability": "AVAILABILITY", "Driver": "DRIVER", "Group": "GROUP", "Labels": "LABELS", "Links": "LINKS",
    "Mountpoint": "MOUNTPOINT", "Name": "VOLUME NAME", "Scope": "SCOPE", "Size": "SIZE", "Status": "STATUS",
}  # fmt: skip
"""docker's fields, and their heads."""


def show(call: Call, options: Options, rows: Sequence[Mapping[str, Any]]) -> None:
    """The list in the form that is asked for; `volumes` of a stack and `volume ls` look alike."""
    terminal, form = call.terminal, options.text("format")
    if options.flag("quiet"):
        for row in rows:
            terminal.print(row["name"])
    elif options.flag("json"):
        terminal.print(own_json("volumes", rows))
    elif form == "json":
        for row in rows:
            terminal.print(go_json(_fields(row)))
    elif form in ("", "table"):
        table(terminal, ("DRIVER", "VOLUME NAME"), [(row["driver"], row["name"]) for row in rows])
    else:
        templates.show(terminal, form, [_fields(row) for row in rows], HEADS)


def _fields(row: Mapping[str, Any]) -> dict[str, str]:
    """All of them text; what only a cluster knows, and what would have to be counted, is not available in a list."""
    labels = ",".join(f"{key}={value}" for key, value in sorted(row["labels"].items()))
    named = {"Driver": row["driver"], "Name": row["name"], "Mountpoint": row["mountpoint"]}
    return {**dict.fromkeys(HEADS, "N/A"), **named, "Labels": labels, "Scope": "local"}


def inspected(row: Mapping[str, Any]) -> dict[str, Any]:
    """Under docker's names; `Stack` and `Containers` are ours."""
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row["created_at"]))
    return {
        "CreatedAt": made,
        "Driver": row["driver"],
        "Labels": row["labels"] or None,
        "Mountpoint": row["mountpoint"],
        "Name": row["name"],
        "Options": row["options"] or None,
        "Scope": "local",
        "Stack": row["stack"],
        "Containers": {one["id"]: one["name"] for one in row["users"]},
    }


def show_costs(call: Call, rows: Sequence[Mapping[str, Any]]) -> None:
    """docker's `system df -v` says it so."""
    cells = [(row["name"], str(len(row["users"])), human(row["size"])) for row in rows]
    table(call.terminal, ("VOLUME NAME", "LINKS", "SIZE"), cells)
