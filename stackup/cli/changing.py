"""The frame of every command that changes a stack: progress, confirmation, Ctrl-C, report, exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stackup.cli.call import Call
from stackup.cli.interrupts import interruptible
from stackup.cli.options import Options
from stackup.cli.views import plan as plan_view
from stackup.cli.views import risks
from stackup.cli.views.progress import View, choose, without_transfers
from stackup.cli.views.report import tell
from stackup.cli.views.words import Words
from stackup.errors import UsageError
from stackup.project.session import Session
from stackup.reconcile.apply import Report
from stackup.reconcile.plan import Action, Plan
from stackup.reconcile.resource import Run

PULLS = ("always", "missing", "never", "policy", "build")


@dataclass(slots=True)
class Frame:
    """A session whose events are shown. `asked` says that the user wanted destruction in so many words."""

    call: Call
    words: Words
    session: Session
    view: View | None = None
    asked: bool = False
    asks: bool = False
    """Whether what the plan gives away of the machine is asked about, and not only told."""
    tells_running: bool = False
    """Whether containers that already are as wanted are shown, as docker compose's `up` does."""

    def confirm(self, plan: Plan) -> bool:
        self.words.learn(plan)
        for due in self.session.due:
            self.call.terminal.say(due)
        if self.call.dry_run:
            plan_view.show(self.call.terminal, plan)
        if self.tells_running and not self.call.dry_run:
            self._tell_running(plan)
        self._tell_risks(plan)
        lost = [item for item in plan.destructive if item.action is Action.REPLACE]
        if not lost or self.asked:
            return True
        names = ", ".join(self.words.title(str(item.address)) for item in lost)
        if self.call.terminal.ask(f"{names} must be made anew, and its data will be lost. Go on?"):
            return True
        raise UsageError(
            f"{names} must be made anew, and its data would be lost",
            hint="pass --yes to agree, or see `stackup plan` for the reason",
        )

    def _tell_risks(self, plan: Plan) -> None:
        rows = risks.found(self.call, self.session, plan)
        risks.show(rows, self.call.terminal.say, self.call.terminal.paint_err)
        if rows and self.asks and not self.call.dry_run and not self.call.terminal.ask("Go on?"):
            raise UsageError("nothing was changed", hint="leave out --ask to be told only")

    def _tell_running(self, plan: Plan) -> None:
        for item in plan.changes:
            if item.idle and item.desired and item.observed and item.observed.run is Run.RUNNING and self.view:
                self.view.settled(str(item.address), "Running")


def frame(call: Call, *, yes: bool = False, mode: str = "", quiet_pull: bool = False) -> Frame:
    """Everything that a changing command needs; nothing is drawn yet."""
    words = Words()
    view = choose(call.terminal, mode or call.progress, words)
    made = Frame(call, words, call.session(sink=without_transfers(view) if quiet_pull else view), view, asked=yes)
    made.session.confirm = made.confirm
    return made


@contextmanager
def shown(made: Frame) -> Iterator[None]:
    """Progress is closed whatever happens, so that the terminal is left in order; Ctrl-C ends the work first."""

    def told() -> None:
        made.session.notice("ending what is under way; press Ctrl-C again to leave at once", level="info")

    with interruptible(made.session, told):
        try:
            yield
        finally:
            if made.view is not None:
                made.view.close()


def change(call: Call, verb: Callable[[Session], Report], *, yes: bool = False) -> int:
    """Run a use case that changes something, and tell how it went."""
    return carry_out(frame(call, yes=yes), verb)


def carry_out(made: Frame, verb: Callable[[Session], Report]) -> int:
    with shown(made):
        report = verb(made.session)
    return told(made, report)


def told(made: Frame, report: Report) -> int:
    direct = None if made.session.dry_run else made.session.host.direct
    return tell(made.call.terminal, report, made.words, direct)


def pull_policy(options: Options) -> str:
    """`--pull`, before what the services say; empty when they are to decide."""
    text = options.text("pull") if "pull" in options.values else ""
    if text and text not in PULLS:
        raise UsageError(f'"{text}" is not a value of --pull', subject="--pull", hint=f"choose {', '.join(PULLS)}")
    return "" if text in ("policy", "build") else text


def let_build(made: Frame, options: Options) -> None:
    """Images whose inputs changed are built on the way, unless --no-build says otherwise; --quiet hides that."""
    if not options.values.get("no_build"):
        mode = "quiet" if options.values.get("quiet") else ""
        made.session.build = _Building(made.call, mode)
        made.session.rebuild = bool(options.values.get("build"))


class _Building:
    """Tells of builds, should there be one: only then is its view loaded."""

    def __init__(self, call: Call, mode: str = "") -> None:
        self._call = call
        self._mode = mode or call.progress
        self._view: Callable[[str, Any], None] | None = None

    def __call__(self, service: str, told: Any) -> None:
        if self._view is None:
            from stackup.cli.views.build import BuildView

            self._view = BuildView(self._call.terminal, self._mode)
        self._view(service, told)
