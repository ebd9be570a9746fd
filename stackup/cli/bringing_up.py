"""The long way of `up`: from its options to a plan that is applied, and on to the foreground."""

from __future__ import annotations

import time

from stackup.cli import foreground
from stackup.cli.call import Call
from stackup.cli.changing import Frame, build_policy, frame, pull_policy, shown, told
from stackup.cli.exits import Exit
from stackup.cli.foreground import Ending, Foreground, Presses
from stackup.cli.options import Options
from stackup.cli.settings import counts
from stackup.cli.views import urls
from stackup.cli.views.logs import LogView
from stackup.errors import UsageError
from stackup.project.resolve import identify, stack_name
from stackup.project.up import UpOptions, up
from stackup.reconcile.resource import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.watching import Watching


def options_of(call: Call, options: Options) -> UpOptions:
    """The use case's options."""
    values = options.values
    return UpOptions(
        services=options.texts("services"),
        scale=counts(options.texts("scale")),
        ports=options.text("ports") if "ports" in values else "",
        run=Run.AS_IS if values.get("no_start") else Run.RUNNING,
        no_deps=bool(values.get("no_deps")),
        force_recreate=options.flag("force_recreate"),
        no_recreate=options.flag("no_recreate"),
        always_recreate_deps=bool(values.get("always_recreate_deps")),
        renew_volumes=bool(values.get("renew_anon_volumes")),
        remove_orphans=options.flag("remove_orphans") or call.switched_on("COMPOSE_REMOVE_ORPHANS"),
        ignore_orphans=call.switched_on("COMPOSE_IGNORE_ORPHANS"),
        wait=bool(values.get("wait")),
        wait_timeout=options.number("wait_timeout") if "wait_timeout" in values else None,
        stop_timeout=options.seconds("timeout") if "timeout" in values else None,
        pull=pull_policy(options),
        build=build_policy(options),
    )


def bring_up(call: Call, options: Options) -> int:
    ending = _ending(options)
    wanted = options_of(call, options)
    detached = options.flag("detach") or wanted.wait or wanted.run is Run.AS_IS or call.dry_run
    if ending.any and (options.flag("detach") or wanted.wait):
        raise UsageError("--abort-on-container-exit and its kin need the foreground", hint="leave out -d and --wait")
    _check_watch(options, ending, detached=options.flag("detach") or wanted.wait)
    made = frame(call, yes=options.flag("yes") or wanted.renew_volumes, quiet_pull=options.flag("quiet_pull"))
    made.session.locked = options.flag("locked")
    made.asks = options.flag("ask")
    made.tells_running = wanted.run is Run.RUNNING
    if detached:
        return in_the_background(made, wanted)
    try:
        code = _in_the_foreground(made, options, wanted, ending)
    except KeyboardInterrupt:  # between applying and following
        code = Exit.INTERRUPTED
        _stop(made)
    return code


def _check_watch(options: Options, ending: Ending, *, detached: bool) -> None:
    if options.flag("watch") and detached:
        raise UsageError("--watch needs the foreground", hint="leave out -d and --wait, or: stackup watch")
    if options.flag("watch") and ending.any:
        raise UsageError("--watch makes containers end: --abort-on-container-exit and its kin do not go with it")


def in_the_background(made: Frame, wanted: UpOptions) -> int:
    with shown(made):
        report = up(made.session, wanted)
    code = told(made, report)
    call = made.call
    if report.plan.empty and call.progress not in ("quiet", "json") and not call.dry_run:
        call.terminal.say("Nothing to do: everything is as the file says.")
    if code == Exit.DONE and call.progress != "quiet" and wanted.run is Run.RUNNING and not call.dry_run:
        urls.show(call.terminal, made.session.host.direct.containers(report.plan.stack))
    return code


def _in_the_foreground(made: Frame, options: Options, wanted: UpOptions, ending: Ending) -> int:
    begun = time.time()
    _check_names(made, (*options.texts("attach"), *options.texts("no_attach"), *filter(None, (ending.code_from,))))
    watching = _watching(made, options) if options.flag("watch") else None
    with shown(made):
        report = up(made.session, wanted)
    code = told(made, report)
    if made.session.interrupt is not None and made.session.interrupt.cancelled:  # also after the last step
        code = Exit.INTERRUPTED
        _stop(made)
    if code != Exit.DONE:
        return code
    if watching is not None:
        watching.begin()
    return _attach(made, options, ending, report.plan.stack, begun, watching)


def _watching(made: Frame, options: Options) -> Watching:
    """Loaded only now: it reads the files' rules, which no other `up` does."""
    from stackup.cli.watching import watched

    return watched(made, options)


def _check_names(made: Frame, names: tuple[str, ...]) -> None:
    """Before anything is done; the file is read for it only where names were given."""
    if names:
        identify(made.session).require(names)


def _stop(made: Frame) -> None:
    """What a foreground has started does not outlive its Ctrl-C."""
    made.call.terminal.say("\nGracefully stopping... (press Ctrl+C again to force)")
    foreground.stop_everything(made.call, Presses(made.session, stack_name(made.session)))


def _ending(options: Options) -> Ending:
    ending = Ending(
        options.flag("abort_on_container_exit"),
        options.flag("abort_on_container_failure"),
        options.text("exit_code_from"),
    )
    if ending.on_exit and ending.on_failure:
        raise UsageError("--abort-on-container-exit and --abort-on-container-failure are incompatible")
    return ending


def _attach(made: Frame, options: Options, ending: Ending, stack: str, begun: float, watching: Watching | None) -> int:
    call, services = made.call, options.texts("services")
    known = identify(made.session).services
    rows = [row for row in made.session.host.direct.containers(stack) if row["service"] in known]
    rows = [row for row in rows if not row["transient"]]
    chosen = set(options.texts("attach"))
    if services and not options.flag("attach_dependencies"):
        chosen |= set(services)
    shown_names = foreground.attached(rows, frozenset(chosen), frozenset(options.texts("no_attach")))
    urls.show(call.terminal, rows)
    view = LogView(
        call.terminal,
        rows,
        prefix=not options.flag("no_log_prefix"),
        color=not options.flag("no_color"),
        timestamps=options.flag("timestamps"),
    )
    followed = [row for row in rows if ending.any or row["name"] in shown_names]
    presses = Presses(made.session, stack)
    return Foreground(made, stack, view, ending, presses, shown_names, watching).follow(followed, begun)
