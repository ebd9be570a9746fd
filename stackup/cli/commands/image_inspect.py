"""`stackup image inspect`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.tables import own_json
from stackup.project.image import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session = call.session()
    call.terminal.print(own_json("images", [inspect(session, name) for name in options.texts("references")]))
    return Exit.DONE
