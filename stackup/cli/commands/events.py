"""`stackup events`. Hot."""

from __future__ import annotations

import sys
import time

from stackup.cli.exits import Exit
from stackup.cli.settings import moment
from stackup.cli.views.events import json_line, line
from stackup.project.events import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    now = time.time()
    since, until = moment(options.text("since"), now), moment(options.text("until"), now)
    shape = json_line if options.flag("json") else line
    for one in events(call.session(), options.texts("services"), since=since, until=until):
        call.terminal.print(shape(one))
        sys.stdout.flush()  # whoever reads a pipe waits for it
    return Exit.DONE
