"""`stackup network ls`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views.tables import go_json, own_json, table
from stackup.project.network import listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    rows = listed(call.session(), options.texts("filter"))
    whole, terminal = options.flag("no_trunc"), call.terminal
    if options.flag("quiet"):
        for row in rows:
            terminal.print(_id(row, whole))
    elif options.flag("json"):
        terminal.print(own_json("networks", rows))
    elif form(options.text("format"), "table", "json") == "json":
        for row in rows:
            terminal.print(go_json(_row(row, whole)))
    else:
        heads = ("NETWORK ID", "NAME", "DRIVER", "SCOPE")
        table(terminal, heads, [(_id(row, whole), row["name"], row["driver"], "local") for row in rows])
    return Exit.DONE


def _id(row: dict[str, Any], whole: bool) -> str:
    return str(row["id"]) if whole else str(row["id"])[:12]


def _row(row: dict[str, Any], whole: bool) -> dict[str, str]:
    """docker's fields, all of them text."""
    return {
        "CreatedAt": str(row["created_at"]),
        "Driver": row["driver"],
        "ID": _id(row, whole),
        "IPv4": str(row["ipv4"]).lower(),
        "IPv6": str(row["ipv6"]).lower(),
        "Internal": str(row["internal"]).lower(),
        "Labels": ",".join(f"{key}={value}" for key, value in row["labels"].items()),
        "Name": row["name"],
        "Scope": "local",
    }
