"""`stackup scale web=3`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import change
from stackup.cli.options import Options
from stackup.cli.settings import counts
from stackup.project.lifecycle import scale


def run(call: Call, options: Options) -> int:
    wanted = counts(options.texts("counts"))
    return change(call, lambda session: scale(session, wanted, no_deps=options.flag("no_deps")))
