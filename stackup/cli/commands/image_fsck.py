"""`stackup image fsck`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.tables import own_json
from stackup.project.image import check, repair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    """Exit code 1 as long as something is not sound."""
    session, deep = call.session(), options.flag("deep")
    removed: tuple[str, ...] = ()
    if options.flag("repair"):
        done = repair(session, deep=deep)
        removed, left = done.removed, done.left
    else:
        left = check(session, deep=deep)
    if options.flag("json"):
        call.terminal.print(own_json("fsck", {"problems": list(left), "removed": list(removed)}))
    else:
        for text in removed:
            call.terminal.print(f"removed: {text}")
        for text in left:
            call.terminal.print(f"{text} (containers are made of it: left)" if options.flag("repair") else text)
        if not left:
            call.terminal.print("the image store is sound")
    return Exit.FAILED if left else Exit.DONE
