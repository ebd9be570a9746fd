"""`stackup top`. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.tables import own_json, table
from stackup.project.top import top

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options

HEADS = ("SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")


def run(call: Call, options: Options) -> int:
    found = top(call.session(), options.texts("services"))
    if options.flag("json"):
        rows = [{"container": row["name"], "processes": processes} for row, processes in found]
        call.terminal.print(own_json("top", rows))
        return Exit.DONE
    cells = [
        (row["service"], str(row["index"]), *(process.get(head, "") for head in HEADS[2:]))
        for row, processes in found
        for process in processes
    ]
    table(call.terminal, HEADS, cells)
    return Exit.DONE
