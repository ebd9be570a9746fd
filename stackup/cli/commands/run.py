"""`stackup run`."""

from __future__ import annotations

import shlex

from stackup.cli.call import Call
from stackup.cli.changing import build_policy, frame, pull_policy, shown, told
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.settings import pairs
from stackup.project.run import RunOptions, remove, row_of, start


def run(call: Call, options: Options) -> int:
    made = frame(call, yes=True, mode="quiet" if options.flag("quiet") else "", quiet_pull=options.flag("quiet_pull"))
    made.session.locked = options.flag("locked")
    wanted = options_of(call, options)
    with shown(made):
        one = start(made.session, wanted)
    code = told(made, one.report)
    if code != Exit.DONE or call.dry_run:
        return code
    if options.flag("detach"):
        call.terminal.print(one.name)
        return Exit.DONE
    try:
        return made.session.host.direct.attach(row_of(made.session, one), {"once": True})
    finally:
        if options.flag("rm"):
            remove(frame(call, yes=True, mode="quiet").session, one)  # as with docker, nobody is told


def options_of(call: Call, options: Options) -> RunOptions:
    """The service's keys that the flags replace, and what they add."""
    tty = call.terminal.interactive and not options.flag("no_tty") and not options.flag("detach")
    changes: dict[str, object] = {"tty": tty, "stdin_open": options.flag("interactive") and not options.flag("detach")}
    if options.texts("command"):
        changes["command"] = options.texts("command")
    if options.text("entrypoint"):
        changes["entrypoint"] = tuple(shlex.split(options.text("entrypoint")))
        changes.setdefault("command", ())
    for key, option in (("user", "user"), ("working_dir", "workdir")):
        if options.text(option):
            changes[key] = options.text(option)
    for key in ("cap_add", "cap_drop"):
        if options.texts(key):
            changes[key] = options.texts(key)
    return RunOptions(
        options.text("service"),
        changes,
        environment=pairs(options.texts("env"), call.environ),
        environment_files=options.texts("env_from_file"),
        volumes=options.texts("volume"),
        ports=options.texts("publish"),
        labels={key: value or "" for key, value in pairs(options.texts("label")).items()},
        name=options.text("name"),
        service_ports=options.flag("service_ports"),
        use_aliases=options.flag("use_aliases"),
        no_deps=options.flag("no_deps"),
        remove_orphans=options.flag("remove_orphans"),
        attached=not options.flag("detach"),
        pull=pull_policy(options),
        build=build_policy(options),
    )
