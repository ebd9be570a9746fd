"""`stackup image save`."""

from __future__ import annotations

import sys

from stackup.cli.exits import Exit
from stackup.errors import UsageError
from stackup.project.parcels import save, whole_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session, names, path = call.session(), options.texts("references"), options.text("output")
    if path and path != "-":
        with whole_file(path) as sink:
            renamed = save(session, names, sink)
    elif sys.stdout.isatty():
        raise UsageError("an archive is not for a terminal", hint="pass -o FILE, or send it into a pipe")
    else:
        renamed = save(session, names, call.terminal.stream())
    for layer in renamed:
        call.say_warning(
            f"layer {layer} did not come as an archive that can be made again: the saved image has another id"
        )
    return Exit.DONE
