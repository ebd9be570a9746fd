"""`stackup volume export`: a volume's files as a tar archive."""

from __future__ import annotations

import sys

from stackup.cli.exits import Exit
from stackup.errors import UsageError
from stackup.project.parcels import whole_file
from stackup.project.volume import export

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session, name, path = call.session(), options.text("volume"), options.text("output")
    if path and path != "-":
        with whole_file(path) as sink:
            export(session, name, sink)
    elif sys.stdout.isatty():
        raise UsageError("an archive is not for a terminal", hint="pass -o FILE, or send it into a pipe")
    else:
        export(session, name, call.terminal.stream())
    return Exit.DONE
