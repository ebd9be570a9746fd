"""`stackup volume du`: what each volume takes on the disk, and how many containers use it."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.tables import own_json
from stackup.cli.views.volumes import show_costs
from stackup.project.volume import listed, need, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session, names = call.session(), options.texts("volumes")
    found = [need(session, name) for name in names] if names else listed(session)
    rows = [{**row, "size": size(session, row)} for row in found]
    if options.flag("json"):
        call.terminal.print(own_json("volumes", rows))
    else:
        show_costs(call, rows)
    return Exit.DONE
