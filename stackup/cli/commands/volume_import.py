"""`stackup volume import`: an archive's files into a volume."""

from __future__ import annotations

import sys

from stackup.cli.exits import Exit
from stackup.images.refusal import disk
from stackup.project.volume import bring_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session, name, path = call.session(), options.text("volume"), options.text("source")
    if path in ("", "-"):
        left = bring_in(session, name, sys.stdin.buffer)
    else:
        with disk(path), open(path, "rb") as source:
            left = bring_in(session, name, source)
    for item in left:
        call.terminal.say(f"left out: {item}")
    return Exit.DONE
