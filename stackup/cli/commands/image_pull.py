"""`stackup image pull`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import frame, shown
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.views.pulled import errors_of, tell_errors, tell_present
from stackup.project.image import identify
from stackup.project.pull import pull_image


def run(call: Call, options: Options) -> int:
    name = options.text("reference")
    made = frame(call, yes=True, mode="quiet" if options.flag("quiet") else "")
    with shown(made):
        pulled = pull_image(made.session, name, options.text("platform"))
        tell_present(made, pulled)
    tell_errors(call, errors_of(pulled))
    if not pulled.ok:
        return Exit.INTERRUPTED if pulled.report.interrupted else Exit.FAILED
    if not call.dry_run:
        call.terminal.print(identify(made.session, name))
    return Exit.DONE
