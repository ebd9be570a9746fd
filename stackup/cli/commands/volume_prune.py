"""`stackup volume prune`: volumes that no container uses, the anonymous ones unless all are asked for."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.views.images import human
from stackup.errors import UsageError
from stackup.project.volume import prune


def run(call: Call, options: Options) -> int:
    which = "all volumes" if options.flag("all") else "anonymous volumes"
    if not options.flag("force"):
        if not call.terminal.interactive:
            raise UsageError("nobody is there to agree", hint="pass -f")
        if not call.terminal.ask(f"This will remove {which} that no container uses. Are you sure?"):
            return Exit.DONE
    names, freed = prune(call.session(), options.texts("filter"), named=options.flag("all"))
    if names:
        call.terminal.print("Deleted Volumes:")
    for name in names:
        call.terminal.print(name)
    call.terminal.print(("\n" if names else "") + f"Total reclaimed space: {human(freed)}")
    return Exit.DONE
