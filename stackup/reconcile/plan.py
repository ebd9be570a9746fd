"""What will be done and why, as values: a Plan prints as text, travels as JSON, and is applied without another thought.

Reasons explain and never steer: nothing downstream reads a reason to decide. Actions are chosen thus:
`=` nothing differs; `+` it is not there; `~` it differs only in ways that can be changed in place or by a restart;
`±` it must be made anew; `-` nobody wants it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from stackup.diagnostics import Span
from stackup.reconcile.diff import FieldDiff
from stackup.reconcile.resource import Desired, Observed, Until
from stackup.values import Address, FieldPath


class Action(str, Enum):
    KEEP = "="
    CREATE = "+"
    UPDATE = "~"
    REPLACE = "±"
    DELETE = "-"


class Motion(str, Enum):
    """What happens to the run state."""

    NONE = "none"
    START = "start"
    STOP = "stop"
    RESTART = "restart"


class Cause(str, Enum):
    """Why a change is made, or why a resource that nobody wants is kept."""

    ABSENT = "absent"
    FILE = "file changed"
    DRIFT = "changed outside stackup"
    INTERRUPTED = "interrupted"
    HELD = "holds a replaced resource"
    REQUESTED = "requested"
    NOT_IN_FILE = "not in file, ours"
    SCALED_DOWN = "more replicas than wanted"
    NOT_WANTED = "no longer wanted"
    NOT_RUNNING = "not running"
    STOP_WANTED = "stop wanted"
    STILL_HELD = "still in use"


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause and its particulars: which field, which other resource, how it ended."""

    cause: Cause
    detail: str = ""
    span: Span | None = None

    def __str__(self) -> str:
        return f"{self.cause.value}: {self.detail}" if self.detail else self.cause.value


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one address; there is one for every address, KEEP included."""

    address: Address
    action: Action
    motion: Motion = Motion.NONE
    reasons: tuple[Reason, ...] = ()
    diffs: tuple[FieldDiff, ...] = ()
    destructive: bool = False
    desired: Desired | None = None
    observed: Observed | None = None

    @property
    def idle(self) -> bool:
        return self.action is Action.KEEP and self.motion is Motion.NONE


class Verb(str, Enum):
    STOP = "stop"
    RELEASE = "release"
    """Let go, in place and running, of what will be deleted and is not needed any more."""
    DELETE = "delete"
    CREATE = "create"
    UPDATE = "update"
    START = "start"
    AWAIT = "await"


@dataclass(frozen=True, slots=True)
class Step:
    """One verb on one address. It waits for `after` and `tolerates`; only a failure in `after` skips it."""

    id: int
    verb: Verb
    address: Address
    after: tuple[int, ...] = ()
    tolerates: tuple[int, ...] = ()
    until: Until | None = None
    fields: tuple[FieldPath, ...] = ()

    def __str__(self) -> str:
        text = f"#{self.id} {self.verb.value} {self.address}"
        if self.until:
            text += f" {self.until.value}"
        before = [*map(str, self.after), *(f"{step}?" for step in self.tolerates)]
        return text + (f" after {','.join(before)}" if before else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """`fingerprint` is of the observation the plan was made from: applied later, it must still be the world's."""

    stack: str
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    fingerprint: str = ""

    @property
    def empty(self) -> bool:
        return not self.steps

    @property
    def destructive(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.destructive)

    def change(self, address: Address) -> Change:
        return next(change for change in self.changes if change.address == address)


def text(plan: Plan) -> str:
    """The plan as prose, one line a step with its reasons: what tests assert and `plan --steps` prints."""
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    told: set[Address] = set()
    changes = {change.address: change for change in plan.changes}
    for step in plan.steps:
        change = changes[step.address]
        reasons = "; ".join(str(reason) for reason in change.reasons)
        first = step.address not in told and reasons
        told.add(step.address)
        yield f"{step} — {reasons}" if first else str(step)
