"""`stackup plan`."""

from __future__ import annotations

from stackup.cli.bringing_up import options_of
from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.views import lock as lock_view
from stackup.cli.views import plan as view
from stackup.cli.views import risks
from stackup.cli.views.progress import Quiet
from stackup.cli.views.words import Words
from stackup.project.held import moved
from stackup.project.plan import plan, save
from stackup.reconcile.plan import Plan, text


def run(call: Call, options: Options) -> int:
    session = call.session(sink=Quiet(call.terminal, Words()), locked=options.flag("locked"))
    made = plan(session, options_of(call, options))
    if options.text("out"):
        save(made, options.text("out"))
    gone = moved(session, ask=options.flag("moved"))
    if options.flag("json"):
        told = {"risks": risks.rows(risks.found(call, session, made)), "moved": lock_view.rows(gone)}
        view.show_json(call.terminal, made, told)
        return _code(options, made)
    if options.flag("steps"):
        call.terminal.out.write(text(made))
    else:
        view.show(call.terminal, made)
        risks.show(risks.found(call, session, made), call.terminal.print, call.terminal.paint)
    for line in lock_view.lines(gone):
        call.terminal.print(line)
    return _code(options, made)


def _code(options: Options, made: Plan) -> int:
    return Exit.CHANGES if options.flag("detailed_exitcode") and not made.empty else Exit.DONE
