"""`stackup image prune`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.errors import UsageError
from stackup.project.image import prune

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    which = "all images that no container was made of" if options.flag("all") else "all images without a name"
    if not options.flag("force"):
        if not call.terminal.interactive:
            raise UsageError("nobody is there to agree", hint="pass -f")
        if not call.terminal.ask(f"This will remove {which}. Are you sure?"):
            return Exit.DONE
    images, layers = prune(call.session(), unused=options.flag("all"))
    for image in images:
        call.terminal.print(f"Deleted: {image}")
    call.terminal.print(f"{len(images)} images and {len(layers)} layers removed")
    return Exit.DONE
