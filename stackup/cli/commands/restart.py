"""`stackup restart`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import change
from stackup.cli.options import Options
from stackup.project.lifecycle import Selected, restart


def run(call: Call, options: Options) -> int:
    wanted = Selected(options.texts("services"), timeout=options.seconds("timeout"), no_deps=options.flag("no_deps"))
    return change(call, lambda session: restart(session, wanted))
