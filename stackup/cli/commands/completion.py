"""`stackup completion`. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.shells import SCRIPTS
from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    shell = options.text("shell")
    if shell not in SCRIPTS:
        raise UsageError(f'there is no completion for "{shell}"', subject=shell, hint="choose bash, zsh or fish")
    call.terminal.out.write(SCRIPTS[shell])
    return Exit.DONE
