"""`stackup volumes`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.volumes import show
from stackup.project.volumes import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    show(call, options, volumes(call.session()))
    return Exit.DONE
