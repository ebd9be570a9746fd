"""`stackup image prune`."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import moment
from stackup.cli.views.images import human
from stackup.cli.views.stored import familiar
from stackup.errors import UsageError
from stackup.project.pruning import conditions, prune

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    which = "all images that no container was made of" if options.flag("all") else "all images without a name"
    only = conditions(options.texts("filter"), lambda text: moment(text, time.time()))
    if not options.flag("force"):
        if not call.terminal.interactive:
            raise UsageError("nobody is there to agree", hint="pass -f")
        if not call.terminal.ask(f"This will remove {which}. Are you sure?"):
            return Exit.DONE
    done = prune(call.session(), unused=options.flag("all"), only=only)
    if done.images:
        call.terminal.print("Deleted Images:")
    for name in done.names:
        call.terminal.print(f"untagged: {familiar(name)}")
    for image in done.images:
        call.terminal.print(f"deleted: {image}")
    if done.busy:
        call.say_warning("layers were left alone, since another command is adding images: prune again later")
    call.terminal.print(("\n" if done.images else "") + f"Total reclaimed space: {human(done.freed)}")
    return Exit.DONE
