"""`stackup image tag`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.project.image import tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    tag(call.session(), options.text("source"), options.text("target"))
    return Exit.DONE
