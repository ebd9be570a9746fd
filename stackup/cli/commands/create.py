"""`stackup create`."""

from __future__ import annotations

from dataclasses import replace

from stackup.cli.bringing_up import options_of
from stackup.cli.call import Call
from stackup.cli.changing import carry_out, frame
from stackup.cli.options import Options
from stackup.project.lifecycle import create
from stackup.reconcile.resource import Run


def run(call: Call, options: Options) -> int:
    wanted = replace(options_of(call, options), run=Run.AS_IS)
    made = frame(call, yes=options.flag("yes"), quiet_pull=options.flag("quiet_pull"))
    made.session.locked = options.flag("locked")
    return carry_out(made, lambda session: create(session, wanted))
