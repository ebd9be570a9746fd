"""`stackup volumes`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views.tables import go_json, own_json, table
from stackup.project.volumes import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    rows = volumes(call.session())
    terminal = call.terminal
    if options.flag("quiet"):
        for row in rows:
            terminal.print(row["name"])
    elif options.flag("json"):
        terminal.print(own_json("volumes", rows))
    elif form(options.text("format"), "table", "json") == "json":
        for row in rows:
            terminal.print(go_json(_row(row)))
    else:
        table(terminal, ("DRIVER", "VOLUME NAME"), [(row["driver"], row["name"]) for row in rows])
    return Exit.DONE


def _row(row: dict[str, Any]) -> dict[str, str]:
    """docker's fields; what only a cluster or `docker volume ls --size` knows is not available here either."""
    fields = dict.fromkeys(("Availability", "Group", "Links", "Size", "Status"), "N/A")
    labels = ",".join(f"{key}={value}" for key, value in row["labels"].items())
    named = {"Driver": row["driver"], "Name": row["name"], "Mountpoint": row["mountpoint"]}
    return {**fields, **named, "Labels": labels, "Scope": "local"}
