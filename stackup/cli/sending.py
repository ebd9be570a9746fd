"""The frame of the commands that push: progress, Ctrl-C, the digests that came of it, and the exit code."""

from __future__ import annotations

from collections.abc import Callable

from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.interrupts import interruptible
from stackup.cli.views.progress import choose
from stackup.cli.views.pulled import tell_errors
from stackup.cli.views.words import Pushing
from stackup.project.push import Sent
from stackup.project.session import Session


def send(call: Call, verb: Callable[[Session], Sent], *, quiet: bool, lenient: bool = False) -> int:
    """`lenient`: what could not be pushed is told, and no failure."""
    view = choose(call.terminal, "quiet" if quiet else call.progress, Pushing())
    session = call.session(sink=view)
    with interruptible(session, lambda: None):
        try:
            sent = verb(session)
        finally:
            view.close()
    for name, pushed in sent.pushed.items():
        call.terminal.print(f"{name}: digest: {pushed.digest}")
        if pushed.changed:
            call.terminal.say(f"{name}: its layers were packed anew, so its id there is {pushed.image_id}")
    tell_errors(call, sent.failures.items())
    return Exit.FAILED if sent.failures and not lenient else Exit.DONE
