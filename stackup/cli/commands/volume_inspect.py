"""`stackup volume inspect`: docker's array, one object a volume."""

from __future__ import annotations

import json

from stackup.cli.exits import Exit
from stackup.cli.views.volumes import inspected
from stackup.project.volume import need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session = call.session()
    found = [inspected(need(session, name)) for name in options.texts("volumes")]
    call.terminal.print(json.dumps(found, indent=4, ensure_ascii=False))
    return Exit.DONE
