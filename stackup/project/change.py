"""From a desired set to a changed host: observe, decide, lower, confirm, apply, with the stack's lock and journal.

Every verb that changes anything comes through here, so there is one place where a writer takes the lock, where a dry
run turns to memory, and where history is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial

from stackup.engines.engine import Engine, observe
from stackup.engines.memory.world import mirror
from stackup.errors import StackupError
from stackup.kernel.files import Lock, list_dir, make_private, remove
from stackup.project.autoports import path_of
from stackup.project.session import Session
from stackup.reconcile.apply import Interrupt, Log, Report, apply
from stackup.reconcile.codec import fingerprint
from stackup.reconcile.decide import Policy, decide
from stackup.reconcile.journal import Journal
from stackup.reconcile.lower import lower
from stackup.reconcile.plan import Cause, Plan, Step
from stackup.reconcile.resource import Desired, Effects, Observed


@dataclass(frozen=True, slots=True)
class Aim:
    """What a verb wants of a stack: a desired set and how far to go for it."""

    desired: tuple[Desired, ...]
    policy: Policy


Aiming = Callable[[tuple[Observed, ...]], Aim]
"""A verb's wish, made once it is known what is there."""


class Refused(StackupError):
    """The user looked at the plan and said no."""

    code = "refused"


def effects_of(engine: Engine) -> Mapping[str, Effects]:
    return {name: kind.effects for name, kind in engine.kinds.items()}


def draft(engine: Engine, stack: str, observed: tuple[Observed, ...], aim: Aim) -> Plan:
    """The plan; pure but for what was observed."""
    changes = decide(aim.desired, observed, effects_of(engine), aim.policy)
    return Plan(stack, changes, lower(changes, aim.policy), fingerprint(observed))


def plan(session: Session, stack: str, aiming: Aiming) -> Plan:
    """What `change` would do; reads only."""
    engine = session.host.engine(stack)
    try:
        observed = observe(engine.kinds.values(), stack)
        return draft(engine, stack, observed, aiming(observed))
    finally:
        engine.close()


def change(
    session: Session, stack: str, aiming: Aiming, *, stop_timeout: float | None = None, parks: bool = False
) -> Report:
    """Bring the stack to what is aimed at. Raises Refused when the user does not agree to the plan."""
    engine = session.host.engine(stack)
    engine.stop_timeout, engine.parks = stop_timeout, parks
    try:
        with lock(session, stack):
            _sweep(session, engine)
            observed = observe(engine.kinds.values(), stack)
            return _carry_out(session, engine, draft(engine, stack, observed, aiming(observed)), observed)
    finally:
        engine.close()


def carry_out(session: Session, stack: str, checked: Callable[[tuple[Observed, ...]], Plan]) -> Report:
    """Apply a plan that was made before; `checked` hands it over if it still fits what is there."""
    engine = session.host.engine(stack)
    try:
        with lock(session, stack):
            _sweep(session, engine)
            observed = observe(engine.kinds.values(), stack)
            return _carry_out(session, engine, checked(observed), observed)
    finally:
        engine.close()


def _sweep(session: Session, engine: Engine) -> None:
    if not session.dry_run:
        for text in engine.sweep():
            session.notice(text)


def _carry_out(session: Session, engine: Engine, plan: Plan, observed: tuple[Observed, ...]) -> Report:
    _tell_what_stays(session, plan)
    if not session.confirm(plan):
        raise Refused("nothing was changed", subject=plan.stack)
    if plan.empty:
        return Report(plan)
    run = partial(apply, plan, sink=session.sink, interrupt=session.interrupt or Interrupt(), limit=session.parallel)
    if session.dry_run:
        return run(mirror(engine.kinds, plan.stack, observed).kinds, log=Unwritten())
    journal = Journal(session.layout.journal_file(plan.stack), session.command)
    try:
        journal.plan(plan)
        return run(engine.kinds, log=_as_log(journal))
    finally:
        journal.close()


def _as_log(journal: Journal) -> Log:
    return journal


class Unwritten:
    """The history of a dry run."""

    def begin(self, steps: Sequence[Step]) -> None:
        return None

    def end(self, step: Step, error: StackupError | None) -> None:
        return None


def lock(session: Session, stack: str) -> AbstractContextManager[object]:
    if session.dry_run:
        return nullcontext()
    for root in (session.layout.state, session.layout.run):
        make_private(root)
    return Lock(session.layout.lock_file(stack), session.command, waiting=lambda holder: _waiting(session, holder))


def _waiting(session: Session, holder: str) -> None:
    session.notice(f"waiting for {holder}", level="info")


def _tell_what_stays(session: Session, plan: Plan) -> None:
    for item in plan.changes:
        for reason in item.reasons:
            if reason.cause is Cause.STILL_HELD:
                session.notice(f"{item.address.kind} {item.address.name} is {reason}", address=str(item.address))


def orphans(observed: Iterable[Observed], known: frozenset[tuple[str, str]]) -> list[Observed]:
    """Containers of services that the file does not have; one-offs are nobody's orphans."""
    return [
        seen
        for seen in observed
        if seen.address.kind == "container"
        and not seen.transient
        and (seen.address.kind, seen.address.name) not in known
    ]


def erase_history(session: Session, stack: str) -> None:
    """Once the last resource is gone: the journal, the note of the files and the empty folders of the kinds go too."""
    layout = session.layout
    with lock(session, stack):
        if not _gone(session, stack):
            return
        kept = (f"{layout.journal_file(stack)}.1", layout.stack_file(stack), path_of(layout, stack))
        for path in (layout.journal_file(stack), *kept):
            remove(path)
        for top in (layout.stack_dir(stack), layout.live_stack_dir(stack)):
            for folder in (*(os.path.join(top, kind) for kind in list_dir(top)), top):
                with suppress(OSError):  # something is there after all, and the folder with it
                    os.rmdir(folder)


def _gone(session: Session, stack: str) -> bool:
    engine = session.host.engine(stack)
    try:
        return not observe(engine.kinds.values(), stack)
    finally:
        engine.close()
