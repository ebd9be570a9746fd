"""`stackup start`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import change
from stackup.cli.options import Options
from stackup.project.lifecycle import Selected, start


def run(call: Call, options: Options) -> int:
    wanted = Selected(options.texts("services"), wait=options.flag("wait"), wait_timeout=options.number("wait_timeout"))
    return change(call, lambda session: start(session, wanted))
