"""`stackup network disconnect`: a container off a network, also while it runs."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.project.network import disconnect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    disconnect(call.session(), options.text("network"), options.text("container"), force=options.flag("force"))
    return Exit.DONE
