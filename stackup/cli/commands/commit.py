"""`stackup commit`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.images.committing import Note
from stackup.project.contents import commit_container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    note = Note(options.text("author"), options.text("message"), options.texts("change"))
    image = commit_container(
        call.session(),
        options.text("service"),
        options.text("reference"),
        note,
        index=options.number("index") or 0,
        pause=options.flag("pause"),
    )
    if image:
        call.terminal.print(image)
    return Exit.DONE
