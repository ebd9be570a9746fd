"""`stackup rm`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import frame, shown, told
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.errors import UsageError
from stackup.project.change import Refused
from stackup.project.lifecycle import RemoveOptions, remove
from stackup.reconcile.plan import Action, Plan


def run(call: Call, options: Options) -> int:
    made = frame(call, yes=True)
    learn = made.confirm

    def confirm(plan: Plan) -> bool:
        learn(plan)
        doomed = [item for item in plan.changes if item.action is Action.DELETE and item.address.kind == "container"]
        if not doomed:
            call.terminal.say("No stopped containers")
            return True
        if call.dry_run:
            return True
        names = ", ".join(made.words.title(str(item.address)).split(" ")[1] for item in doomed)
        call.terminal.say(f"Going to remove {names}")
        if options.flag("force"):
            return True
        if not call.terminal.interactive:
            raise UsageError("nobody is there to agree", hint="pass -f")
        return call.terminal.ask("Are you sure?")

    made.session.confirm = confirm
    wanted = RemoveOptions(options.texts("services"), stop=options.flag("stop"), volumes=options.flag("volumes"))
    try:
        with shown(made):
            report = remove(made.session, wanted)
    except Refused:
        return Exit.DONE
    return told(made, report)
