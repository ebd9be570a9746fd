"""`stackup apply FILE`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import change
from stackup.cli.options import Options
from stackup.project.apply import apply


def run(call: Call, options: Options) -> int:
    return change(call, lambda session: apply(session, options.text("plan")), yes=options.flag("yes"))
