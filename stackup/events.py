"""What happens while a plan is applied, as one closed union of values; views decide the words.

A leaf. `at` is seconds since the epoch, `address` the text of an Address (`container/web#1`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class PlanMade:
    """A plan is about to be applied: how many steps, and which addresses will change."""

    at: float
    steps: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step has begun."""

    at: float
    step: int
    verb: str
    address: str


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Something worth telling while a step runs: what it waits for, the last probe's output."""

    at: float
    step: int
    verb: str
    address: str
    text: str


@dataclass(frozen=True, slots=True)
class StepTransfer:
    """Bytes of a part (a layer, by its digest) that are here, of all that it has; told again as more come."""

    at: float
    step: int
    verb: str
    address: str
    part: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class StepEnded:
    """`error` is empty when the step succeeded."""

    at: float
    step: int
    verb: str
    address: str
    seconds: float
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """Not tried, because `because` (a step's address and verb) failed or the user interrupted."""

    at: float
    step: int
    verb: str
    address: str
    because: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A word to the user that is not about a step."""

    at: float
    level: str
    text: str
    address: str = ""


Event: TypeAlias = PlanMade | StepStarted | StepProgress | StepTransfer | StepEnded | StepSkipped | Notice


class Sink(Protocol):
    """Where events go. Called from several threads, one call at a time."""

    def __call__(self, event: Event, /) -> None: ...
