"""`stackup pull`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import frame, shown
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.views.pulled import errors_of, tell_errors, tell_present
from stackup.errors import UsageError
from stackup.project.pull import PullOptions, pull


def run(call: Call, options: Options) -> int:
    policy = options.text("policy")
    if policy not in ("", "missing", "always"):
        raise UsageError(f'"{policy}" is not a policy', subject="--policy", hint="choose missing or always")
    wanted = PullOptions(
        options.texts("services"),
        policy,
        include_deps=options.flag("include_deps"),
        ignore_buildable=options.flag("ignore_buildable"),
    )
    made = frame(call, yes=True, mode="quiet" if options.flag("quiet") else "")
    made.session.locked = options.flag("locked")
    with shown(made):
        pulled = pull(made.session, wanted)
        tell_present(made, pulled)
    tell_errors(call, errors_of(pulled))
    if pulled.report.interrupted:
        return Exit.INTERRUPTED
    return Exit.DONE if pulled.ok or options.flag("ignore_pull_failures") else Exit.FAILED
