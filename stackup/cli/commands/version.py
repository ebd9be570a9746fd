"""`stackup version`. Hot."""

from __future__ import annotations

from stackup import __version__
from stackup.cli.exits import Exit
from stackup.cli.settings import form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    if options.flag("short"):
        call.terminal.print(__version__)
    elif form(options.text("format"), "pretty", "json") == "json":
        call.terminal.print(f'{{"version":"{__version__}"}}')
    else:
        call.terminal.print(f"stackup version {__version__}")
    return Exit.DONE
