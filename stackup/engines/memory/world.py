"""A host made of dictionaries: the dry run, the documentation of the Kind protocol, and the verified fake.

It keeps the laws that the real host keeps: a claim is written before its effect, deleting what is gone succeeds, and
something that is held cannot be deleted. It passes the same conformance suite as the built-in engine.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stackup.engines.engine import ONE_OFF
from stackup.engines.memory.direct import MemoryDirect
from stackup.errors import HostError
from stackup.reconcile.resource import Desired, Effects, Kind, Observed, Outcome, Run, Tell, Until, Work
from stackup.values import Address, Data, Json

if TYPE_CHECKING:
    from stackup.engines.engine import Direct, ExecRequest
    from stackup.runtime.description import Happening

"""The label of a container that `run` made; docker compose's own, so that scripts find it."""


def _never(_: str) -> None:
    return None


def _is_job(spec: Data) -> bool:
    return bool(spec.get("job"))


@dataclass(slots=True)
class World:
    """`before_write` is told of every write before it happens; a test's may raise, and then nothing was written."""

    things: dict[str, dict[Address, Observed]] = field(default_factory=dict)
    before_write: Callable[[str], None] = _never
    ends: Callable[[Data], bool] = _is_job
    """Whether a program with such a spec ends at once, and well."""
    images: set[str] = field(default_factory=set)
    """Those that were fetched."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    logs: dict[str, list[tuple[int, str, bytes]]] = field(default_factory=dict)
    """By instance: what a container has written."""
    exits: dict[str, int] = field(default_factory=dict)
    """By instance: how its last run ended."""
    executed: list[tuple[str, ExecRequest]] = field(default_factory=list)
    signals: list[tuple[str, str]] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    """By container's name: a folder that stands for its root."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    """Notified after every write and every line."""

    happened: dict[str, list[Happening]] = field(default_factory=dict)
    """By stack: what its containers went through."""

    def stack(self, name: str) -> dict[Address, Observed]:
        return self.things.setdefault(name, {})

    def put(self, stack: str, thing: Observed) -> None:
        with self.lock:
            self.before_write(f"put {thing.address}")
            self.stack(stack)[thing.address] = thing
        self._notify()

    def drop(self, stack: str, address: Address) -> None:
        with self.lock:
            self.before_write(f"drop {address}")
            self.stack(stack).pop(address, None)
        self._notify()

    def write(self, instance: str, line: bytes, at: int | None = None) -> None:
        """A line that the program in a container writes, now or at a moment in nanoseconds."""
        self.logs.setdefault(instance, []).append((time.time_ns() if at is None else at, "stdout", line))
        self._notify()

    def note(self, stack: str, thing: Observed, action: str) -> None:
        if thing.address.kind != "container":
            return
        attributes = {"name": str(thing.recorded.get("name")), "image": str(thing.recorded.get("image_name"))}
        told: Happening = {
            "at": time.time_ns(),
            "service": str(thing.recorded.get("service", thing.address.name)),
            "id": thing.instance,
            "action": action,
            "attributes": attributes,
            "transient": thing.transient,
        }
        self.happened.setdefault(stack, []).append(told)
        self._notify()

    def end(self, stack: str, address: Address, code: int) -> None:
        """The program in a container ends by itself."""
        thing = self.stack(stack)[address]
        self.exits[thing.instance] = code
        reached = {Until.EXISTS, Until.COMPLETED} if code == 0 else {Until.EXISTS}
        self.put(stack, replace(thing, run=Run.STOPPED, reached=frozenset(reached)))
        self.note(stack, thing, "die")

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()


class MemoryKind:
    """Any kind on a World. `runs` says whether its resources have a run state."""

    def __init__(self, name: str, effects: Effects, world: World, stack: str, *, runs: bool = False) -> None:
        self.name = name
        self.effects = effects
        self._world = world
        self._stack = stack
        self._runs = runs

    def observe(self, stack: str) -> Iterable[Observed]:
        return [thing for address, thing in sorted(self._world.stack(stack).items()) if address.kind == self.name]

    def create(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [self._create(work) for work in works]

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [self._update(work) for work in works]

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [self._delete(work) for work in works]

    def release(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [self._release(work) for work in works]

    def start(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [self._start(work) for work in works]

    def stop(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [self._stop(work) for work in works]

    def reach(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [self._reach(work) for work in works]

    def _create(self, work: Work) -> Outcome:
        want = _wanted(work)
        instance = f"i{next(self._world.numbers)}"
        run = Run.STOPPED if self._runs else Run.AS_IS
        needs = tuple(need.on for need in want.needs)
        claim = Observed(work.address, instance, want.spec, needs=needs, run=run, broken="half-made")
        self._world.put(self._stack, claim)
        sound = replace(claim, broken="", holds=self._held(want), transient=ONE_OFF in _labels(want))
        self._world.put(self._stack, sound)
        self._world.note(self._stack, sound, "create")
        return Outcome(work.step)

    def _update(self, work: Work) -> Outcome:
        want, thing = _wanted(work), self._there(work)
        needs = tuple(need.on for need in want.needs)
        self._world.put(
            self._stack,
            replace(thing, recorded=want.spec, live={}, needs=needs, holds=self._held(want)),
        )
        return Outcome(work.step)

    def _release(self, work: Work) -> Outcome:
        thing, needed = self._there(work), {need.on for need in _wanted(work).needs if need.holds}
        kept = {address: instance for address, instance in thing.holds.items() if address in needed}
        self._world.put(self._stack, replace(thing, holds=kept))
        return Outcome(work.step)

    def _delete(self, work: Work) -> Outcome:
        holders = [thing for thing in self._world.stack(self._stack).values() if work.address in thing.holds]
        there = self._world.stack(self._stack).get(work.address)
        if there and any(self._uses(holder, there) for holder in holders):
            return Outcome(work.step, HostError(f'"{work.address}" is in use', subject=str(work.address)))
        self._world.drop(self._stack, work.address)
        if there:
            self._world.note(self._stack, there, "destroy")
        return Outcome(work.step)

    def _uses(self, holder: Observed, there: Observed) -> bool:
        return holder.run is Run.RUNNING and holder.holds[there.address] == there.instance

    def _start(self, work: Work) -> Outcome:
        want, thing = _wanted(work), self._there(work)
        job = self._world.ends(thing.recorded)
        reached = {Until.EXISTS, Until.STARTED, Until.COMPLETED if job else Until.HEALTHY}
        self._world.put(
            self._stack,
            replace(
                thing,
                run=Run.STOPPED if job else Run.RUNNING,
                reached=frozenset(reached),
                holds=self._held(want),
            ),
        )
        self._world.note(self._stack, thing, "start")
        return Outcome(work.step)

    def _stop(self, work: Work) -> Outcome:
        thing = self._world.stack(self._stack).get(work.address)
        if thing:
            if thing.run is Run.RUNNING:
                self._world.exits[thing.instance] = 0
                for action in ("kill", "die", "stop"):
                    self._world.note(self._stack, thing, action)
            self._world.put(self._stack, replace(thing, run=Run.STOPPED, reached=frozenset((Until.EXISTS,))))
        return Outcome(work.step)

    def _reach(self, work: Work) -> Outcome:
        if work.until in self._there(work).reached:
            return Outcome(work.step)
        return Outcome(work.step, HostError(f'"{work.address}" is not {work.until}', subject=str(work.address)))

    def _there(self, work: Work) -> Observed:
        thing = self._world.stack(self._stack).get(work.address)
        if thing is None:
            raise HostError(f'"{work.address}" is not there', subject=str(work.address))
        return thing

    def _held(self, want: Desired) -> dict[Address, str]:
        things = self._world.stack(self._stack)
        return {n.on: things[n.on].instance for n in want.needs if n.holds and n.on in things}


def _labels(want: Desired) -> dict[str, Json]:
    labels = want.spec.get("labels")
    return labels if isinstance(labels, dict) else {}


def _wanted(work: Work) -> Desired:
    assert work.desired is not None, "only deletions and stops come without a wish"
    return work.desired


class MemoryImages(MemoryKind):
    """Images are there for every stack, so that no stack sees them as its own."""

    def observe(self, stack: str) -> Iterable[Observed]:
        return ()

    def _create(self, work: Work) -> Outcome:
        name = str(_wanted(work).spec["name"])
        with self._world.lock:
            self._world.before_write(f"fetch {name}")
            self._world.images.add(name)
        return Outcome(work.step)


class MemoryEngine:
    """The kinds of an engine, by name, on one World."""

    name = "memory"

    def __init__(self, world: World, stack: str, effects: Mapping[str, Effects], runnable: frozenset[str]) -> None:
        self.world = world
        self.stop_timeout: float | None = None
        self.parks = False
        self.kinds: Mapping[str, Kind] = {
            name: _kind_of(name)(name, table, world, stack, runs=name in runnable) for name, table in effects.items()
        }

    @property
    def direct(self) -> Direct:
        return MemoryDirect(self.world)

    def sweep(self) -> Sequence[str]:
        """A dictionary is never half-written."""
        return ()

    def close(self) -> None:
        return None


def _kind_of(name: str) -> type[MemoryKind]:
    return MemoryImages if name == "image" else MemoryKind


def mirror(kinds: Mapping[str, Kind], stack: str, observed: Iterable[Observed]) -> MemoryEngine:
    """A dry run's world: the same kinds and things as somewhere else, where nothing has an effect."""
    world = World()
    world.stack(stack).update({seen.address: seen for seen in observed})
    runnable = frozenset(name for name, kind in kinds.items() if hasattr(kind, "start"))
    return MemoryEngine(world, stack, {name: kind.effects for name, kind in kinds.items()}, runnable)
