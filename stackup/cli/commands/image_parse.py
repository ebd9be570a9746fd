"""`stackup image parse`."""

from __future__ import annotations

import json
import sys

from stackup.cli.exits import Exit
from stackup.errors import UsageError
from stackup.project.dockerfile import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    if options.text("format") != "json":
        raise UsageError(f'there is no format "{options.text("format")}"', hint="use --format json")
    rows = parsed(options.text("file"), sys.stdin.buffer)
    call.terminal.print(json.dumps(rows, indent=2, ensure_ascii=False))
    return Exit.DONE
