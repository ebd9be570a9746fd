"""`stackup logout`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.project.login import logout, registry_name


def run(call: Call, options: Options) -> int:
    registry = registry_name(options.text("registry"))
    if logout(call.session(), registry):
        call.terminal.print(f"Removing login credentials for {registry}")
    else:
        call.terminal.print(f"Not logged in to {registry}")
    return Exit.DONE
