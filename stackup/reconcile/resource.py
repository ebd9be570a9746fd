"""What every resource shares: who it is, what is wanted of it, what is seen of it, and the verbs that change it.

This is the waist of stackup. It knows no YAML and no Linux: a spec is plain data in a kind's normal form, and a Kind is
whatever can observe such resources and perform six verbs on them. Words: *desired* is what the file wants, *recorded*
is our claim on disk, *live* is the kernel's word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from stackup.diagnostics import Span
from stackup.errors import StackupError
from stackup.values import Address, Data, FieldPath, Json


class Until(str, Enum):
    """How far a resource must have come before somebody who needs it may go on."""

    EXISTS = "exists"
    STARTED = "started"
    HEALTHY = "healthy"
    COMPLETED = "completed"


class Run(str, Enum):
    """The run state that is wanted, or seen. AS_IS: leave it (`create`), or there is nothing to run (a network)."""

    RUNNING = "running"
    STOPPED = "stopped"
    AS_IS = "as-is"


class OnReplace(str, Enum):
    """What becomes of a resource when one that it holds has been replaced by another instance."""

    KEEP = "keep"
    UPDATE = "update"
    RESTART = "restart"
    REPLACE = "replace"


class Effect(str, Enum):
    """What it takes to change a field."""

    IGNORE = "ignore"
    IN_PLACE = "in-place"
    RESTART = "restart"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Need:
    """An edge with its meaning: this resource needs `on`, at least `until`.

    `holds`: it keeps hold of that very instance (a container of its network). `required`: when false, the other's
    absence or failure is only told.
    """

    on: Address
    until: Until = Until.EXISTS
    holds: bool = False
    on_replace: OnReplace = OnReplace.KEEP
    required: bool = True


@dataclass(frozen=True, slots=True)
class Desired:
    """What the file wants. `ready`: how far it must come for `--wait`; `origins`: which line gave a field."""

    address: Address
    spec: Data
    needs: tuple[Need, ...] = ()
    run: Run = Run.AS_IS
    ready: Until = Until.EXISTS
    origins: Mapping[FieldPath, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there. `live` holds only fields that the kernel can tell; a field it confirms need not be listed.

    `broken` says why the resource is not sound (a half-made one: "interrupted"), empty when it is.
    `reached` is how far it has come; `holds` which instances it took hold of when it was made or started.
    """

    address: Address
    instance: str
    recorded: Data
    live: Mapping[FieldPath, Json] = field(default_factory=dict)
    holds: Mapping[Address, str] = field(default_factory=dict)
    needs: tuple[Address, ...] = ()
    run: Run = Run.AS_IS
    reached: frozenset[Until] = frozenset((Until.EXISTS,))
    broken: str = ""
    why_not_running: str = ""
    transient: bool = False
    """A one-off of `run`: nobody's file wants it, and only `down` removes it."""
    external: bool = False
    """Made by somebody else and only held here: letting go of it destroys nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an effects table: what changing the field takes, and the reason in a few words."""

    effect: Effect
    why: str


Effects = Mapping[str, Row]
"""Field path, dotted, to Row. A row covers everything beneath its path; the longest path wins. Paths here are a kind's
own field names, which have no dots; the user's keys beneath them may, and `*` in the second place stands for any."""


@dataclass(frozen=True, slots=True)
class Work:
    """One step as its kind sees it. `fields` are the paths that an update must bring to the wanted value."""

    step: int
    address: Address
    desired: Desired | None
    observed: Observed | None
    fields: tuple[FieldPath, ...] = ()
    until: Until | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: an error, or none."""

    step: int
    error: StackupError | None = None


class Tell(Protocol):
    """A kind's way to say what it waits for, and to hear that the user wants to stop waiting."""

    def progress(self, step: int, text: str) -> None: ...

    def warn(self, step: int, text: str) -> None:
        """Something is not as the file wishes, and the step goes on without it."""
        ...

    def transfer(self, step: int, part: str, done: int, total: int) -> None:
        """So many bytes of a part of it have come."""
        ...

    @property
    def cancelled(self) -> bool: ...

    def wait(self, seconds: float) -> bool:
        """Sleep until cancelled, at most so long; true when cancelled."""
        ...


Verb = Callable[[Sequence[Work], Tell], Iterable[Outcome]]
"""A verb takes all steps of its kind that are ready and answers each: a list when they end together, an iterator when
each ends in its own time. Every verb is idempotent; `delete` succeeds when the thing is already gone."""


class Kind(Protocol):
    """A resource kind bound to a host. Adding one is one file and one entry in an engine's list.

    `create` writes its claim before its first effect and adopts its own half-made leftovers. `update` changes only
    fields that the effects table calls in-place. Kinds that do not run need no `start`, `stop`, `reach`.
    """

    @property
    def name(self) -> str: ...

    @property
    def effects(self) -> Effects: ...

    def observe(self, stack: str) -> Iterable[Observed]: ...

    def create(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]: ...

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]: ...

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]: ...


class RunnableKind(Kind, Protocol):
    """A kind whose resources run: `reach` waits until each work has come as far as its `until`; `release` lets go of
    what the wish does not need any more while the resource goes on running, and changes nothing else.
    """

    def start(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]: ...

    def stop(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]: ...

    def release(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]: ...

    def reach(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]: ...
