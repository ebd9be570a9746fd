"""`stackup lock`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.views import lock as view
from stackup.cli.views.progress import Quiet
from stackup.cli.views.words import Words
from stackup.errors import UsageError
from stackup.project.lock import check, lock


def run(call: Call, options: Options) -> int:
    services, upgrade = options.texts("services"), options.flag("upgrade")
    if services and not upgrade:
        raise UsageError("services are named to upgrade them", subject=services[0], hint="add --upgrade")
    session = call.session(sink=Quiet(call.terminal, Words()))
    if options.flag("check"):
        if upgrade:
            raise UsageError("--check writes nothing, and --upgrade does", subject="--check")
        left = check(session).dropped
        for name in left:
            call.say_warning(f"{view.familiar(name)} is locked, and nothing needs it: `stackup lock` drops it")
        return Exit.FAILED if left else Exit.DONE
    done = lock(session, services if upgrade else None)
    if not options.flag("quiet"):
        view.show(call.terminal, done)
    return Exit.DONE
