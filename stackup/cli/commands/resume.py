"""`stackup resume`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from stackup.cli.call import Call
from stackup.cli.changing import change
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.views.unit import unit
from stackup.errors import StackupError
from stackup.project.resume import mend, park, resume, stacks
from stackup.project.session import Session
from stackup.reconcile.apply import Report


def run(call: Call, options: Options) -> int:
    if options.flag("unit"):
        call.terminal.print(_unit(call, user=options.flag("user")))
        return Exit.DONE
    verbs = (park,) if options.flag("stop") else (mend, resume)
    names = stacks(call.session())
    return max((_tried(call, verb, name) for verb in verbs for name in names), default=Exit.DONE)


def _tried(call: Call, verb: Callable[[Session, str], Report], stack: str) -> int:
    """One stack that fails must not keep the others from coming back."""
    try:
        return change(call, lambda session: verb(session, stack))
    except StackupError as problem:
        call.fail(problem)
        return Exit.FAILED


def _unit(call: Call, *, user: bool) -> str:
    kept = {name: call.environ[name] for name in ("STACKUP_ROOT", "STACKUP_RUN") if call.environ.get(name)}
    named = call.flags.text("project_name")
    command = [sys.executable, "-m", "stackup", *(("-p", named) if named else ())]
    return unit(command, kept, call.layout.state, user=user)
