"""`stackup explain SU014`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.terminal import BOLD
from stackup.engines.desire.codes import CODES as TRANSLATING
from stackup.errors import UsageError
from stackup.images.build.codes import CODES as BUILDING
from stackup.stackfile.codes import CODES as READING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    code = options.text("code").upper()
    codes = READING | TRANSLATING | BUILDING
    if code not in codes:
        raise UsageError(
            f'there is no code "{options.text("code")}"',
            subject=code,
            hint="codes look like SU014",
        )
    summary, explanation = codes[code]
    call.terminal.print(call.terminal.paint(f"{code}: {summary}", BOLD))
    call.terminal.print(f"\n{explanation}")
    return Exit.DONE
