"""`stackup image du`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.stored import show_costs
from stackup.cli.views.tables import own_json
from stackup.project.image import costs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    rows, total = costs(call.session())
    if options.flag("json"):
        call.terminal.print(own_json("du", {"images": rows, "total": total}))
    else:
        show_costs(call.terminal, rows, total)
    return Exit.DONE
