"""`stackup network ls`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views import networks as view
from stackup.cli.views.tables import go_json, own_json, table
from stackup.cli.views.templates import is_template, show
from stackup.project.network import listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    found, terminal, shape = listed(call.session(), options.texts("filter")), call.terminal, options.text("format")
    rows = [view.row(one, whole=options.flag("no_trunc")) for one in found]
    if options.flag("quiet"):
        for row in rows:
            terminal.print(row["ID"])
    elif options.flag("json"):
        terminal.print(own_json("networks", found))
    elif is_template(shape):
        show(terminal, shape, rows, view.HEADS)
    elif form(shape, "table", "json") == "json":
        for row in rows:
            terminal.print(go_json(row))
    else:
        keys = ("ID", "Name", "Driver", "Scope")
        table(terminal, [view.HEADS[key] for key in keys], [[row[key] for key in keys] for row in rows])
    return Exit.DONE
