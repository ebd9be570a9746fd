"""Runs a plan: hands every kind the steps that are ready, in groups, and reports. It has no opinion on any of them.

The one place of stackup with worker threads, since steps wait for the host. A step whose predecessor failed is skipped
and said so; the others go on. Interrupted once, no new steps begin and running ones end; what they wait for is told.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Protocol

from stackup.errors import HostError, StackupError, refusal
from stackup.events import (
    Event,
    Notice,
    PlanMade,
    Sink,
    StepEnded,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepTransfer,
)
from stackup.reconcile.plan import Change, Plan, Step, Verb
from stackup.reconcile.resource import Kind, Outcome, Tell, Work
from stackup.values import Address

METHODS = {
    Verb.STOP: "stop",
    Verb.RELEASE: "release",
    Verb.DELETE: "delete",
    Verb.CREATE: "create",
    Verb.UPDATE: "update",
    Verb.START: "start",
    Verb.AWAIT: "reach",
}


class Interrupt:
    """Set once by the command line when the user wants no more; waited on by whatever sleeps."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


@dataclass(frozen=True, slots=True)
class StepReport:
    """How one step ended: `error` for a failure, `skipped` names what it would have needed, neither for success."""

    step: Step
    seconds: float = 0.0
    error: StackupError | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a plan; the one thing that a use case hands back."""

    plan: Plan
    steps: tuple[StepReport, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def errors(self) -> tuple[StepReport, ...]:
        return tuple(item for item in self.steps if item.error)

    @property
    def ok(self) -> bool:
        return not self.interrupted and not self.errors


class Log(Protocol):
    """Where the history of steps is kept; `journal.Journal` is one."""

    def begin(self, steps: Sequence[Step]) -> None: ...

    def end(self, step: Step, error: StackupError | None) -> None: ...


@dataclass(slots=True)
class _Apply:
    plan: Plan
    kinds: Mapping[str, Kind]
    sink: Sink
    log: Log
    interrupt: Interrupt
    limit: int = 0
    busy: int = 0
    backlog: list[Step] = field(default_factory=list)
    done: queue.SimpleQueue[Sequence[Outcome] | BaseException] = field(default_factory=queue.SimpleQueue)
    lock: threading.Lock = field(default_factory=threading.Lock)
    started: dict[int, float] = field(default_factory=dict)
    reports: dict[int, StepReport] = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    changes: dict[Address, Change] = field(default_factory=dict)

    def tell(self, event: Event) -> None:
        with self.lock:
            self.sink(event)


def apply(
    plan: Plan, kinds: Mapping[str, Kind], *, sink: Sink, log: Log, interrupt: Interrupt, limit: int = 0
) -> Report:
    """Apply every step that can be applied; failures are in the Report. A kind may raise only StackupError.

    `limit`: how many steps may be under way at once, 0 for any number.
    """
    run = _Apply(plan, kinds, sink, log, interrupt, limit)
    run.steps = {step.id: step for step in plan.steps}
    run.changes = {change.address: change for change in plan.changes}
    begun = time.monotonic()
    addresses = tuple(dict.fromkeys(str(step.address) for step in plan.steps))
    run.tell(PlanMade(time.time(), len(plan.steps), addresses))
    sorter = TopologicalSorter({step.id: (*step.after, *step.tolerates) for step in plan.steps})
    sorter.prepare()
    while sorter.is_active():
        _dispatch(run, sorter)
        if sorter.is_active():
            _collect(run, sorter)
    ordered = tuple(run.reports[step.id] for step in plan.steps)
    return Report(plan, ordered, time.monotonic() - begun, interrupt.cancelled)


def _dispatch(run: _Apply, sorter: TopologicalSorter[int]) -> None:
    """Send off what is ready, one worker a group; skipping a step can make further ones ready."""
    while True:
        waiting = [*run.backlog, *(run.steps[number] for number in sorted(sorter.get_ready()))]
        run.backlog = []
        for step in waiting:
            because = _obstacle(run, step)
            if because:
                run.reports[step.id] = StepReport(step, skipped=because)
                run.tell(StepSkipped(time.time(), step.id, step.verb.value, str(step.address), because))
                sorter.done(step.id)
            else:
                run.backlog.append(step)
        if len(run.backlog) == len(waiting):
            break
    for steps in _groups(run):
        _send(run, steps)


def _groups(run: _Apply) -> list[list[Step]]:
    """As many of the backlog as may be under way at once, by kind and verb; who only waits takes nobody's place."""
    groups: dict[tuple[str, Verb], list[Step]] = {}
    left = []
    for step in run.backlog:
        works = step.verb is not Verb.AWAIT
        if works and run.limit and run.busy >= run.limit:
            left.append(step)
            continue
        run.busy += works
        groups.setdefault((step.address.kind, step.verb), []).append(step)
    run.backlog = left
    return list(groups.values())


def _obstacle(run: _Apply, step: Step) -> str:
    for before in step.after:
        report = run.reports[before]
        if report.error:
            return f"{report.step.verb.value} {report.step.address} failed"
        if report.skipped:
            return report.skipped
    return "interrupted" if run.interrupt.cancelled else ""


def _send(run: _Apply, steps: list[Step]) -> None:
    now = time.time()
    run.log.begin(steps)
    for step in steps:
        run.started[step.id] = time.monotonic()
        run.tell(StepStarted(now, step.id, step.verb.value, str(step.address)))
    threading.Thread(target=_work, args=(run, steps), daemon=True).start()


def _work(run: _Apply, steps: list[Step]) -> None:
    """In a worker: one verb call for the group. Whatever it leaves unanswered is answered for it."""
    left = {step.id for step in steps}
    try:
        verb = _verb(run, steps[0])
        for batch in _batches(verb([_as_work(run, step) for step in steps], _Teller(run))):
            left -= {outcome.step for outcome in batch}
            run.done.put(batch)
        error = HostError("the step was left without an answer", subject=steps[0].address.kind)
    except StackupError as problem:
        run.done.put([Outcome(step, problem) for step in sorted(left)])
        return
    except OSError as problem:
        said = refusal(problem)
        run.done.put([Outcome(step, said) for step in sorted(left)] if said else problem)
        return
    except BaseException as problem:  # a bug, or a test's kill: it belongs to the caller's thread
        run.done.put(problem)
        return
    if left:
        run.done.put([Outcome(step, error) for step in sorted(left)])


def _verb(run: _Apply, step: Step) -> Callable[[Sequence[Work], Tell], Iterable[Outcome]]:
    """A plan may come from a file, and what is in it need not be what this engine has."""
    verb = getattr(run.kinds.get(step.address.kind), METHODS[step.verb], None)
    if verb is None:
        what = f'this engine cannot {step.verb.value} a resource of kind "{step.address.kind}"'
        raise HostError(what, subject=str(step.address), hint="make the plan anew with `stackup plan -o`")
    found: Callable[[Sequence[Work], Tell], Iterable[Outcome]] = verb
    return found


def _batches(outcomes: Iterable[Outcome]) -> Iterable[Sequence[Outcome]]:
    """A list ends as one batch, so that what follows it is one group again; an iterator ends one by one."""
    if isinstance(outcomes, Sequence):
        return [outcomes] if outcomes else []
    return ([outcome] for outcome in outcomes)


def _as_work(run: _Apply, step: Step) -> Work:
    change = run.changes[step.address]
    return Work(step.id, step.address, change.desired, change.observed, step.fields, step.until)


def _collect(run: _Apply, sorter: TopologicalSorter[int]) -> None:
    """Wait for one batch, then take all that are there: larger groups come of it."""
    batch = run.done.get()
    while True:
        if isinstance(batch, BaseException):
            raise batch
        for outcome in batch:
            _end(run, outcome)
            sorter.done(outcome.step)
        try:
            batch = run.done.get_nowait()
        except queue.Empty:
            return


def _end(run: _Apply, outcome: Outcome) -> None:
    step, error = run.steps[outcome.step], outcome.error
    run.busy -= step.verb is not Verb.AWAIT
    seconds = time.monotonic() - run.started[step.id]
    run.reports[step.id] = StepReport(step, seconds, error)
    run.log.end(step, error)
    message, hint = (error.message, error.hint) if error else ("", "")
    run.tell(StepEnded(time.time(), step.id, step.verb.value, str(step.address), seconds, message, hint))


class _Teller:
    """What a kind sees of the run: a place to report progress, and the user's wish to stop."""

    def __init__(self, run: _Apply) -> None:
        self._run = run

    def progress(self, step: int, text: str) -> None:
        told = self._run.steps[step]
        self._run.tell(StepProgress(time.time(), step, told.verb.value, str(told.address), text))

    def warn(self, step: int, text: str) -> None:
        self._run.tell(Notice(time.time(), "warning", text, str(self._run.steps[step].address)))

    def transfer(self, step: int, part: str, done: int, total: int) -> None:
        told = self._run.steps[step]
        self._run.tell(StepTransfer(time.time(), step, told.verb.value, str(told.address), part, done, total))

    @property
    def cancelled(self) -> bool:
        return self._run.interrupt.cancelled

    def wait(self, seconds: float) -> bool:
        return self._run.interrupt.wait(seconds)
