"""`stackup image import`."""

from __future__ import annotations

import sys

from stackup.cli.exits import Exit
from stackup.cli.views.tables import own_json
from stackup.project.image import bring_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    name = options.text("source")
    source = sys.stdin.buffer if name == "-" else name
    made, record = bring_in(call.session(), source, options.text("reference"), options.texts("change"))
    for item in made.skipped:
        call.terminal.say(f"left out: {item}")
    if options.flag("json"):
        call.terminal.print(own_json("image", {"id": made.id, "reference": made.reference, "size": record["size"]}))
    else:
        call.terminal.print(made.id)
    return Exit.DONE
