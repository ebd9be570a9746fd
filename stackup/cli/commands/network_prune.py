"""`stackup network prune`: networks made by hand that no container is on."""

from __future__ import annotations

import time

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.settings import moment
from stackup.errors import UsageError
from stackup.project.network import prune


def run(call: Call, options: Options) -> int:
    if not options.flag("force"):
        if not call.terminal.interactive:
            raise UsageError("nobody is there to agree", hint="pass -f")
        if not call.terminal.ask("This will remove all networks that no container is on. Are you sure?"):
            return Exit.DONE
    now = time.time()
    names = prune(call.session(), options.texts("filter"), lambda text: moment(text, now))
    for number, name in enumerate(names):
        if number == 0:
            call.terminal.print("Deleted Networks:")
        call.terminal.print(name)
    return Exit.DONE
