"""`stackup image rm`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.stored import familiar
from stackup.errors import StackupError
from stackup.project.image import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    """All that can go go, also when one cannot; the first problem is told at the end."""
    session = call.session()
    problem = None
    for name in options.texts("references"):
        try:
            names, image = remove(session, name, force=options.flag("force"))
        except StackupError as error:
            problem = problem or error
            continue
        for one in names:
            call.terminal.print(f"Untagged: {familiar(one)}")
        if image:
            call.terminal.print(f"Deleted: {image}")
    if problem:
        raise problem
    return Exit.DONE
