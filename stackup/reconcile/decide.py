"""Desired and observed go in, changes with reasons come out. Pure: it reads its arguments and nothing else.

Level, not edge: whether something must follow a replaced neighbour is read from the instances it *holds*, so a run that
was killed half-way is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from stackup.reconcile.diff import Cause as DiffCause
from stackup.reconcile.diff import FieldDiff, diff
from stackup.reconcile.plan import Action, Cause, Change, Motion, Reason
from stackup.reconcile.resource import Desired, Effect, Effects, Need, Observed, OnReplace, Run, Until
from stackup.values import Address


@dataclass(frozen=True, slots=True)
class Policy:
    """How far a command goes. `known` are the (kind, name) pairs that the file speaks of, enabled or not."""

    known: frozenset[tuple[str, str]] = frozenset()
    scope: frozenset[Address] | None = None
    """Only these addresses may change; None: all."""
    clear: bool = False
    """Take down what the file knows and the desired set lacks (`down`)."""
    orphans: bool = False
    """Remove what the file does not know."""
    data: bool = False
    """Remove volumes that are not wanted (`down -v`)."""
    recreate: frozenset[Address] = frozenset()
    """Make these anew though nothing differs (`--force-recreate`)."""
    restart: frozenset[Address] = frozenset()
    no_recreate: bool = False
    wait: bool = False
    """Wait until everything that runs is ready (`--wait`)."""


DATA_KIND = "volume"
"""The one kind whose resources hold what cannot be made again."""


@dataclass(slots=True)
class _Decision:
    desired: Mapping[Address, Desired]
    observed: Mapping[Address, Observed]
    effects: Mapping[str, Effects]
    policy: Policy
    changes: dict[Address, Change] = field(default_factory=dict)


def decide(
    desired: Iterable[Desired], observed: Iterable[Observed], effects: Mapping[str, Effects], policy: Policy
) -> tuple[Change, ...]:
    """One Change for every address, in dependency order, what is not wanted last. `effects` is by kind."""
    wanted = {item.address: item for item in desired}
    state = _Decision(wanted, {item.address: item for item in observed}, effects, policy)
    for address in in_order(wanted):
        state.changes[address] = _wanted(state, wanted[address])
    _unwanted(state)
    return tuple(state.changes.values())


def in_order(desired: Mapping[Address, Desired]) -> list[Address]:
    """What is needed before what needs it, ties by address: the same input gives the same plan."""
    sorter = TopologicalSorter({a: sorted(n.on for n in desired[a].needs if n.on in desired) for a in sorted(desired)})
    return list(sorter.static_order())


def _wanted(state: _Decision, want: Desired) -> Change:
    seen, policy = state.observed.get(want.address), state.policy
    if policy.scope is not None and want.address not in policy.scope:
        return Change(want.address, Action.KEEP, desired=want, observed=seen)
    if seen is None:
        motion = Motion.START if want.run is Run.RUNNING else Motion.NONE
        return Change(want.address, Action.CREATE, motion, (Reason(Cause.ABSENT),), desired=want)
    diffs = () if seen.broken or policy.no_recreate else diff(want, seen, state.effects[want.address.kind])
    effect, reasons = _verdict(state, want, seen, diffs)
    return _change(want, seen, diffs, effect, reasons)


def _verdict(
    state: _Decision, want: Desired, seen: Observed, diffs: tuple[FieldDiff, ...]
) -> tuple[Effect, tuple[Reason, ...]]:
    """The strongest of all effects, and every reason that speaks for any."""
    found = [(item.effect, _reason_of(item)) for item in diffs]
    if seen.broken:
        found.append((Effect.REPLACE, Reason(Cause.INTERRUPTED, seen.broken)))
    if not state.policy.no_recreate:
        found += [cascade for need in want.needs if (cascade := _cascade(state, seen, need))]
    if want.address in state.policy.recreate:
        found.append((Effect.REPLACE, Reason(Cause.REQUESTED)))
    if want.address in state.policy.restart:
        found.append((Effect.RESTART, Reason(Cause.REQUESTED)))
    strength = list(Effect)
    effect = max((effect for effect, _ in found), key=strength.index, default=Effect.IGNORE)
    return effect, tuple(dict.fromkeys(reason for _, reason in found))


def _reason_of(item: FieldDiff) -> Reason:
    cause = Cause.DRIFT if item.cause is DiffCause.DRIFT else Cause.FILE
    return Reason(cause, ".".join(item.path), item.span)


_FOLLOW = {
    OnReplace.UPDATE: Effect.IN_PLACE,
    OnReplace.RESTART: Effect.RESTART,
    OnReplace.REPLACE: Effect.REPLACE,
}


def _cascade(state: _Decision, seen: Observed, need: Need) -> tuple[Effect, Reason] | None:
    """What a need asks of us because the instance we hold is not, or will not be, the one that is there."""
    if need.on_replace is OnReplace.KEEP:
        return None
    held, there = seen.holds.get(need.on), state.observed.get(need.on)
    change = state.changes.get(need.on)
    replaced = change is not None and change.action in (Action.CREATE, Action.REPLACE)
    restarted = change is not None and change.motion is Motion.RESTART and need.on_replace is OnReplace.RESTART
    stale = held is not None and there is not None and held != there.instance
    let_go = held is None and need.holds and need.on in seen.needs
    if let_go and there is not None and not (replaced or restarted):
        return Effect.IN_PLACE, Reason(Cause.INTERRUPTED, f"let go of {need.on}")
    if not (replaced or restarted or stale) or (held is None and not restarted and not let_go):
        return None  # what it has never held is new to it, and the difference itself says what that takes
    return _FOLLOW[need.on_replace], Reason(Cause.HELD, str(need.on))


def _change(
    want: Desired, seen: Observed, diffs: tuple[FieldDiff, ...], effect: Effect, reasons: tuple[Reason, ...]
) -> Change:
    common = {"reasons": reasons, "diffs": diffs, "desired": want, "observed": seen}
    if effect is Effect.REPLACE:
        motion = Motion.START if _runs_after(want, seen) else Motion.NONE
        destructive = _holds_data(seen)
        return Change(want.address, Action.REPLACE, motion, destructive=destructive, **common)  # type: ignore[arg-type]
    motion, why = _motion(want, seen, restart=effect is Effect.RESTART)
    common["reasons"] = (*reasons, *why)
    action = Action.UPDATE if diffs or effect is Effect.IN_PLACE else Action.KEEP
    return Change(want.address, action, motion, **common)  # type: ignore[arg-type]


def _runs_after(want: Desired, seen: Observed) -> bool:
    return want.run is Run.RUNNING or (want.run is Run.AS_IS and seen.run is Run.RUNNING)


def _motion(want: Desired, seen: Observed, *, restart: bool) -> tuple[Motion, tuple[Reason, ...]]:
    """A job that ended well by itself has done what was wanted: it is not started again."""
    done = Until.COMPLETED in seen.reached and not restart
    if want.run is Run.RUNNING and seen.run is not Run.RUNNING and not done:
        return Motion.START, (Reason(Cause.NOT_RUNNING, seen.why_not_running),)
    if want.run is Run.STOPPED and seen.run is Run.RUNNING:
        return Motion.STOP, (Reason(Cause.STOP_WANTED),)
    if restart and seen.run is Run.RUNNING and want.run is not Run.STOPPED:
        return Motion.RESTART, ()
    return Motion.NONE, ()


def _unwanted(state: _Decision) -> None:
    """Holders are judged before what they hold: a network stays while a kept container is on it."""
    extra = {a: seen for a, seen in state.observed.items() if a not in state.desired}
    holders = {a: {h for h, seen in extra.items() if a in seen.holds or a in seen.needs} for a in sorted(extra)}
    for address in TopologicalSorter(holders).static_order():
        seen = extra[address]
        cause = _why_delete(state, seen)
        keepers = sorted(holder for holder in _holders(state, address) if _stays(state, holder, address))
        if cause and keepers:
            reason = Reason(Cause.STILL_HELD, ", ".join(map(str, keepers)))
            state.changes[address] = Change(address, Action.KEEP, reasons=(reason,), observed=seen)
        elif cause:
            destructive = _holds_data(seen)
            state.changes[address] = Change(
                address, Action.DELETE, reasons=(Reason(cause),), destructive=destructive, observed=seen
            )
        else:
            state.changes[address] = Change(address, Action.KEEP, observed=seen)


def _holders(state: _Decision, address: Address) -> Iterable[Address]:
    return (a for a, seen in state.observed.items() if address in seen.holds)


def _stays(state: _Decision, holder: Address, held: Address) -> bool:
    """A holder that is replaced lets go; one that the file wants holds on to what the file says that it needs."""
    change = state.changes[holder]
    needed = change.desired is None or any(need.on == held for need in change.desired.needs)
    return needed and change.action in (Action.KEEP, Action.UPDATE)


def _holds_data(seen: Observed) -> bool:
    """What is half-made holds nothing yet, and what is half-deleted nothing any more."""
    return seen.address.kind == DATA_KIND and not seen.external and not seen.broken


def _why_delete(state: _Decision, seen: Observed) -> Cause | None:
    address, policy = seen.address, state.policy
    if policy.scope is not None and address not in policy.scope:
        return None
    if seen.transient:
        return Cause.NOT_WANTED if policy.clear else None
    if any(a.kind == address.kind and a.name == address.name for a in state.desired) and address.index:
        return Cause.SCALED_DOWN
    if _holds_data(seen):
        return Cause.NOT_WANTED if policy.data else None
    known = (address.kind, address.name) in policy.known
    if known:
        return Cause.NOT_WANTED if policy.clear else None
    runs = seen.run is not Run.AS_IS
    return Cause.NOT_IN_FILE if policy.orphans or not runs else None
