"""`stackup image rm`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.project.image import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session = call.session()
    for name in options.texts("references"):
        image, layers = remove(session, name, force=options.flag("force"))
        call.terminal.print(f"Untagged: {name}")
        if layers:
            call.terminal.print(f"Deleted: {image}")
    return Exit.DONE
