"""`stackup stats`: docker's table, drawn anew every second, or once. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views import templates
from stackup.cli.views.tables import go_json, own_json, table
from stackup.cli.views.usage import HEADS, own, row
from stackup.project.stats import stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.call import Call
    from stackup.cli.options import Options

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
            _show(call, options, [row(*one, whole=options.flag("no_trunc")) for one in found])
        terminal.out.flush()
        if once:
            return Exit.DONE
    return Exit.DONE


def _show(call: Call, options: Options, rows: list[dict[str, Any]]) -> None:
    text = options.text("format")
    if templates.is_template(text):
        templates.show(call.terminal, text, rows, HEADS)
    elif form(text, "table", "json") == "json":
        for one in rows:
            call.terminal.print(go_json(one))
    else:
        table(call.terminal, [HEADS[key] for key in COLUMNS], [[one[key] for key in COLUMNS] for one in rows])
