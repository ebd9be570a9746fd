"""`stackup image ls`. Hot."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views.images import short, show_stored
from stackup.cli.views.tables import own_json
from stackup.project.image import listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    rows = listed(call.session())
    if options.flag("quiet"):
        for row in rows:
            call.terminal.print(short(row["id"]))
    elif options.flag("json"):
        call.terminal.print(own_json("images", rows))
    else:
        show_stored(call.terminal, rows, time.time(), as_json=form(options.text("format"), "table", "json") == "json")
    return Exit.DONE
