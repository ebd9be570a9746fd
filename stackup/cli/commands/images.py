"""`stackup images`. Hot."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views.images import show_used
from stackup.cli.views.tables import own_json
from stackup.project.images import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    rows = images(call.session(), options.texts("services"))
    if options.flag("quiet"):
        for identity in sorted({row["id"].removeprefix("sha256:") for row in rows}):
            call.terminal.print(identity)
    elif options.flag("json"):
        call.terminal.print(own_json("images", rows))
    else:
        show_used(call.terminal, rows, time.time(), as_json=form(options.text("format"), "table", "json") == "json")
    return Exit.DONE
