"""Changes become steps in two sweeps: leaving (stop, release, delete) from the leaves up, then build (create, update,
start, await).

Pure. Leaving edges run from a resource to what it needs, build edges the other way, and the only edges between the
sweeps lie within one address, so the steps cannot form a cycle when the needs do not. Images, which need nothing and
are never released, are fetched before both: a pull that fails has stopped nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stackup.reconcile.decide import Policy
from stackup.reconcile.plan import Action, Change, Motion, Step, Verb
from stackup.reconcile.resource import Effect, Need, Run, Until
from stackup.values import Address, FieldPath

Key = tuple[Address, Verb, Until | None]
LEAVING = (Verb.STOP, Verb.RELEASE, Verb.DELETE)
FETCHED = "image"


@dataclass(slots=True)
class _Draft:
    """Steps by key, in the order made; `after` maps a step to those before it, True where a failure is tolerated."""

    changes: dict[Address, Change]
    steps: dict[Key, Change] = field(default_factory=dict)
    after: dict[Key, dict[Key, bool]] = field(default_factory=dict)

    def add(self, change: Change, verb: Verb, until: Until | None = None) -> Key:
        key = (change.address, verb, until)
        self.steps.setdefault(key, change)
        self.after.setdefault(key, {})
        return key

    def edge(self, before: Key, step: Key, *, tolerated: bool = False) -> None:
        if before in self.steps and step in self.steps:
            self.after[step].setdefault(before, tolerated)

    def of(self, address: Address, *verbs: Verb) -> list[Key]:
        return [(address, verb, None) for verb in verbs if (address, verb, None) in self.steps]


def lower(changes: Iterable[Change], policy: Policy) -> tuple[Step, ...]:
    """Numbered steps in an order in which they could run one by one."""
    draft = _Draft({change.address: change for change in changes})
    ordered = list(draft.changes.values())
    for change in reversed(ordered):
        _chain(draft, change, [verb for verb in _verbs(change, draft.changes) if verb in LEAVING])
    for change in ordered:
        _chain(draft, change, [verb for verb in _verbs(change, draft.changes) if verb not in LEAVING])
    for change in ordered:
        _leaving_edges(draft, change)
        _build_edges(draft, change)
    _fetch_first(draft)
    if policy.wait:
        _await_everything(draft)
    return _number(draft)


def _verbs(change: Change, changes: Mapping[Address, Change]) -> Iterator[Verb]:
    """What one change takes, in order."""
    running = change.observed is not None and change.observed.run is Run.RUNNING
    leaves = change.action in (Action.REPLACE, Action.DELETE)
    stops = (running and leaves) or change.motion in (Motion.STOP, Motion.RESTART)
    if stops:
        yield Verb.STOP
    elif running and _lets_go(change, changes):
        yield Verb.RELEASE
    if leaves:
        yield Verb.DELETE
    if change.action in (Action.CREATE, Action.REPLACE):
        yield Verb.CREATE
    if change.action is Action.UPDATE:
        yield Verb.UPDATE
    if change.motion in (Motion.START, Motion.RESTART):
        yield Verb.START


def _lets_go(change: Change, changes: Mapping[Address, Change]) -> bool:
    """Whether it holds something that goes away, which it does not need any more and has not to be stopped for."""
    if change.observed is None or change.desired is None or change.action is not Action.UPDATE:
        return False
    needed = {need.on for need in change.desired.needs if need.holds}
    gone = (changes.get(address) for address in change.observed.holds if address not in needed)
    return any(other is not None and other.action in (Action.REPLACE, Action.DELETE) for other in gone)


def _chain(draft: _Draft, change: Change, verbs: list[Verb]) -> None:
    earlier = draft.of(change.address, *LEAVING)[-1:]
    for verb in verbs:
        key = draft.add(change, verb)
        for before in earlier:
            draft.edge(before, key)
        earlier = [key]


def _leaving_edges(draft: _Draft, change: Change) -> None:
    """Whoever needs it lets go first. What was recorded when it was made counts, not what the file says today."""
    if change.observed is None:
        return
    for needed in {*change.observed.needs, *change.observed.holds}:
        mine = draft.of(change.address, *LEAVING)
        for before in mine:
            for step in draft.of(needed, Verb.STOP):
                if before[1] is Verb.STOP:
                    draft.edge(before, step)
            for step in draft.of(needed, Verb.DELETE):
                draft.edge(before, step)


def _build_edges(draft: _Draft, change: Change) -> None:
    if change.desired is None:
        return
    for need in change.desired.needs:
        if need.on not in draft.changes:
            continue
        if need.holds or need.until is Until.EXISTS:
            _before_build(draft, change, need)
        for start in draft.of(change.address, Verb.START):
            for before in _until(draft, need):
                draft.edge(before, start, tolerated=not need.required)


def _fetch_first(draft: _Draft) -> None:
    fetches = [key for key in draft.steps if key[0].kind == FETCHED and key[1] is Verb.CREATE]
    for step in draft.steps:
        if step[1] in LEAVING:
            for before in fetches:
                draft.edge(before, step)


def _before_build(draft: _Draft, change: Change, need: Need) -> None:
    for before in draft.of(need.on, Verb.CREATE, Verb.UPDATE)[-1:]:
        for step in draft.of(change.address, Verb.CREATE, Verb.UPDATE, Verb.START):
            draft.edge(before, step)


def _until(draft: _Draft, need: Need) -> Iterator[Key]:
    """The steps that bring a needed resource far enough, an await among them where that takes time."""
    yield from draft.of(need.on, Verb.CREATE, Verb.UPDATE, Verb.START)[-1:]
    other = draft.changes[need.on]
    if need.until in (Until.HEALTHY, Until.COMPLETED) and _must_wait(draft, other, need.until):
        yield _await(draft, other, need.until)


def _must_wait(draft: _Draft, change: Change, until: Until) -> bool:
    """A resource that is only seen can be waited for as well: it may still be on its way."""
    if draft.of(change.address, Verb.START):
        return True
    return change.observed is not None and until not in change.observed.reached


def _await(draft: _Draft, change: Change, until: Until) -> Key:
    key = draft.add(change, Verb.AWAIT, until)
    for before in draft.of(change.address, Verb.START):
        draft.edge(before, key)
    return key


def _await_everything(draft: _Draft) -> None:
    for change in list(draft.changes.values()):
        want = change.desired
        if want and want.run is Run.RUNNING and _must_wait(draft, change, want.ready):
            _await(draft, change, want.ready)


def _number(draft: _Draft) -> tuple[Step, ...]:
    """Ids follow a topological order that keeps the sweeps' own order among equals."""
    waiting = dict.fromkeys(draft.steps)
    ids: dict[Key, int] = {}
    steps: list[Step] = []
    above: dict[int, frozenset[int]] = {}
    while waiting:
        ready = [key for key in waiting if all(before in ids for before in draft.after[key])]
        for key in ready:
            ids[key] = len(ids) + 1
            del waiting[key]
            steps.append(_step(draft, key, ids, above))
    return tuple(steps)


def _step(draft: _Draft, key: Key, ids: dict[Key, int], above: dict[int, frozenset[int]]) -> Step:
    """`above` gives each step's predecessors at any distance: an edge that others imply is left out."""
    address, verb, until = key
    before = {ids[other]: tolerated for other, tolerated in draft.after[key].items()}
    after = [number for number, tolerated in before.items() if not tolerated]
    implied = frozenset().union(*(above[number] for number in after))
    above[ids[key]] = implied.union(after)
    fields = _fields(draft.steps[key]) if verb is Verb.UPDATE else ()
    return Step(
        ids[key],
        verb,
        address,
        after=tuple(sorted(number for number in after if number not in implied)),
        tolerates=tuple(sorted(number for number, tolerated in before.items() if tolerated)),
        until=until,
        fields=fields,
    )


def _fields(change: Change) -> tuple[FieldPath, ...]:
    return tuple(item.path for item in change.diffs if item.effect is Effect.IN_PLACE)
