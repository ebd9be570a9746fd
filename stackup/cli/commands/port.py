"""`stackup port web 80`. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.containers import addresses, bracketed
from stackup.project.port import port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    found = port(
        call.session(),
        options.text("service"),
        options.number("private_port") or 0,
        protocol=options.text("protocol"),
        index=options.number("index") or 0,
    )
    call.terminal.print(f"{bracketed(addresses(found)[0])}:{found['host_port']}")
    return Exit.DONE
