"""`stackup export`."""

from __future__ import annotations

import sys

from stackup.cli.exits import Exit
from stackup.errors import UsageError
from stackup.project.contents import export
from stackup.project.parcels import whole_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session, service, path = call.session(), options.text("service"), options.text("output")
    index = options.number("index") or 0
    if path and path != "-":
        with whole_file(path) as sink:
            export(session, service, sink, index=index)
    elif sys.stdout.isatty():
        raise UsageError("an archive is not for a terminal", hint="pass -o FILE, or send it into a pipe")
    else:
        export(session, service, call.terminal.stream(), index=index)
    return Exit.DONE
