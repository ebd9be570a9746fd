"""Apply a plan that `plan -o` wrote, if the world is still the one it was made for."""

from __future__ import annotations

from stackup.errors import HostError, StackupError
from stackup.project.change import carry_out
from stackup.project.session import Session
from stackup.reconcile.apply import Report
from stackup.reconcile.codec import fingerprint, plan_from_json
from stackup.reconcile.plan import Plan
from stackup.reconcile.resource import Observed


class Stale(StackupError):
    """The plan was made for a world that is gone."""

    code = "plan-stale"


def read(path: str) -> Plan:
    """Raises HostError when the file cannot be read, UsageError when it is no plan."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return plan_from_json(file.read(), path)
    except OSError as problem:
        raise HostError(f'cannot read "{path}": {(problem.strerror or "").lower()}', subject=path) from problem


def apply(session: Session, path: str) -> Report:
    """Raises Stale when anything the plan rests on has changed since."""
    made = read(path)

    def checked(observed: tuple[Observed, ...]) -> Plan:
        if fingerprint(observed) != made.fingerprint:
            raise Stale(
                f'the stack "{made.stack}" has changed since "{path}" was made',
                subject=path,
                hint="look at a new plan: stackup plan -o FILE",
            )
        return made

    return carry_out(session, made.stack, checked)
