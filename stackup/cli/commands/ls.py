"""`stackup ls`. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views.tables import go_json, own_json, table
from stackup.errors import UsageError
from stackup.project.ls import ls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    rows = ls(call.session(), everything=options.flag("all"))
    for word in options.texts("filter"):
        key, _, value = word.partition("=")
        if key != "name":
            raise UsageError(f'"{word}" is not a filter', subject=word, hint="write name=NAME")
        rows = [row for row in rows if value in row["name"]]
    terminal = call.terminal
    if options.flag("quiet"):
        for row in rows:
            terminal.print(row["name"])
    elif options.flag("json"):
        terminal.print(own_json("stacks", rows))
    elif form(options.text("format"), "table", "json") == "json":
        terminal.print(f"[{','.join(_go(row) for row in rows)}]")
    else:
        cells = [(row["name"], status(row["states"]), ",".join(row["files"])) for row in rows]
        table(terminal, ("NAME", "STATUS", "CONFIG FILES"), cells)
    return Exit.DONE


def status(states: dict[str, int]) -> str:
    """`exited(1), running(2)`."""
    return ", ".join(f"{state}({number})" for state, number in sorted(states.items()))


def _go(row: dict[str, Any]) -> str:
    """A Go struct: fields in their own order."""
    files = go_json(",".join(row["files"]))
    return f'{{"Name":{go_json(row["name"])},"Status":{go_json(status(row["states"]))},"ConfigFiles":{files}}}'
