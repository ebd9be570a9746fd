"""`stackup builder prune`."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import moment
from stackup.cli.views.images import human
from stackup.errors import UsageError
from stackup.project.leftovers import Options as Wanted
from stackup.project.leftovers import conditions, prune
from stackup.values import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    every = options.flag("all")
    which = "all that builds keep for the next ones" if every else "all steps of builds that no image has"
    until = conditions(options.texts("filter"), lambda text: moment(text, time.time()))
    wanted = Wanted(every=every, until=until, room=_room(options.text("keep_storage")))
    if not options.flag("force") and not call.dry_run:
        if not call.terminal.interactive:
            raise UsageError("nobody is there to agree", hint="pass -f")
        if not call.terminal.ask(f"This will remove {which}. Are you sure?"):
            return Exit.DONE
    done = prune(call.session(), wanted)
    for one in done.gone:
        call.terminal.print(f"{one.kind:<8}{one.name.removeprefix('sha256:')[:12]:<14}{human(one.size)}")
    if done.busy:
        call.say_warning("steps and contexts were left alone, since another command is building: prune again later")
    freed = human(sum(one.size for one in done.gone))
    call.terminal.print(("\n" if done.gone else "") + f"Total reclaimed space: {freed}")
    return Exit.DONE


def _room(text: str) -> int:
    try:
        return parse_size(text) if text else 0
    except ValueError as problem:
        raise UsageError(str(problem), subject="--keep-storage") from problem
