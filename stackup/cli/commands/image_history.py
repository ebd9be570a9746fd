"""`stackup image history`."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views.inspected import show_steps, steps
from stackup.cli.views.tables import own_json
from stackup.cli.views.templates import is_template
from stackup.project.image import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    shape = options.text("format")
    found = told(call.session(), options.text("reference"))
    rows = steps(found, time.time(), whole=options.flag("no_trunc"), people=options.flag("human"))
    if options.flag("quiet"):
        for row in rows:
            call.terminal.print(row["ID"])
    elif options.flag("json"):
        call.terminal.print(own_json("history", found))
    else:
        show_steps(call.terminal, rows, shape if is_template(shape) else form(shape, "table", "json"))
    return Exit.DONE
