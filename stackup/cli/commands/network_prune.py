"""`stackup network prune`: networks made by hand that no container is on."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.errors import UsageError
from stackup.project.network import prune


def run(call: Call, options: Options) -> int:
    if not options.flag("force"):
        if not call.terminal.interactive:
            raise UsageError("nobody is there to agree", hint="pass -f")
        if not call.terminal.ask("This will remove all networks that no container is on. Are you sure?"):
            return Exit.DONE
    for number, name in enumerate(prune(call.session())):
        if number == 0:
            call.terminal.print("Deleted Networks:")
        call.terminal.print(name)
    return Exit.DONE
