"""`stackup cp`."""

from __future__ import annotations

import sys

from stackup.cli.exits import Exit
from stackup.errors import UsageError
from stackup.project.contents import STREAM, CopyOptions, copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    source, target = options.text("source"), options.text("target")
    if target == STREAM and sys.stdout.isatty():
        raise UsageError("an archive is not for a terminal", hint="send it into a pipe")
    wish = CopyOptions(
        options.number("index") or 0, options.flag("all"), options.flag("archive"), options.flag("follow_link")
    )
    sink = call.terminal.stream() if target == STREAM else None
    for name, skipped in copied(call.session(), (source, target), wish, (sys.stdin.buffer, sink)):
        for item in skipped:
            call.terminal.say(f"left out: {item}")
        if target != STREAM:
            call.terminal.say(f" {name} copy {source} to {target}  Copied")
    return Exit.DONE
