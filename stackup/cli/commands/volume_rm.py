"""`stackup volume rm`: the name of each that is gone; what goes wrong with one does not keep the others."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.errors import StackupError
from stackup.project.volume import remove


def run(call: Call, options: Options) -> int:
    session, failure = call.session(), None
    for name in options.texts("volumes"):
        try:
            if remove(session, name, force=options.flag("force")):
                call.terminal.print(name)
        except StackupError as problem:
            if failure is not None:
                call.terminal.say(f"error: {problem.message}")
            failure = failure or problem
    if failure is not None:
        raise failure
    return Exit.DONE
