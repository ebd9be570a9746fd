"""`stackup stop`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import change
from stackup.cli.options import Options
from stackup.project.lifecycle import Selected, stop


def run(call: Call, options: Options) -> int:
    wanted = Selected(options.texts("services"), timeout=options.seconds("timeout"))
    return change(call, lambda session: stop(session, wanted))
