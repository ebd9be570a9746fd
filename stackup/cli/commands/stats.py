"""`stackup stats`: docker's table, drawn anew every second, or once. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views import templates
from stackup.cli.views.tables import go_json, own_json, table
from stackup.cli.views.usage import HEADS, own, pressure, row
from stackup.project.stats import stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import Container
    from stackup.runtime.description import Usage

AGAIN = "\x1b[H\x1b[J"
"""To the upper left, and nothing below it."""
COLUMNS = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")


def run(call: Call, options: Options) -> int:
    terminal, once = call.terminal, options.flag("no_stream") or options.flag("json")
    live = terminal.out.isatty() and not once
    for found in stats(call.session(), options.texts("services"), everything=options.flag("all")):
        if options.flag("json"):
            terminal.print(own_json("stats", [own(*one) for one in found]))
        else:
            if live:
                terminal.out.write(AGAIN)
            _show(call, options, [_row(options, *one) for one in found])
        terminal.out.flush()
        if once:
            return Exit.DONE
    return Exit.DONE


def _row(options: Options, container: Container, before: Usage, now: Usage) -> dict[str, Any]:
    """docker's fields, and one more when it is asked for."""
    asked = options.flag("pressure")
    return row(container, before, now, whole=options.flag("no_trunc")) | ({"Pressure": pressure(now)} if asked else {})


def _show(call: Call, options: Options, rows: list[dict[str, Any]]) -> None:
    text = options.text("format")
    if templates.is_template(text):
        templates.show(call.terminal, text, rows, HEADS)
    elif form(text, "table", "json") == "json":
        for one in rows:
            call.terminal.print(go_json(one))
    else:
        columns = (*COLUMNS, "Pressure") if options.flag("pressure") else COLUMNS
        table(call.terminal, [HEADS[key] for key in columns], [[one[key] for key in columns] for one in rows])
