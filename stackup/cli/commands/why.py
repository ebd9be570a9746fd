"""`stackup why`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.views.why import show, show_json
from stackup.project.why import why


def run(call: Call, options: Options) -> int:
    made, past = why(call.session(), options.text("subject"))
    (show_json if options.flag("json") else show)(call.terminal, made, past)
    return Exit.DONE
