"""A plan as people read it: one line a change or field, Terraform's signs, the line of the file, what it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stackup.cli.terminal import BOLD, FAINT, GREEN, MAGENTA, RED, YELLOW
from stackup.cli.views.tables import own_json
from stackup.cli.views.values import is_port, name, shown, transition
from stackup.reconcile.diff import ABSENT, FieldDiff
from stackup.reconcile.diff import Cause as DiffCause
from stackup.reconcile.plan import Action, Cause, Change, Motion, Plan, Reason
from stackup.reconcile.resource import Effect

if TYPE_CHECKING:
    from stackup.cli.terminal import Terminal

SIGNS = {Action.KEEP: " ", Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "-/+", Action.DELETE: "-"}
STYLES = {
    Action.KEEP: FAINT,
    Action.CREATE: GREEN,
    Action.UPDATE: YELLOW,
    Action.REPLACE: MAGENTA,
    Action.DELETE: RED,
}
EFFECTS = {Effect.IN_PLACE: "in place", Effect.RESTART: "restart", Effect.REPLACE: "recreate", Effect.IGNORE: ""}
MOTIONS = {Motion.START: "start", Motion.STOP: "stop", Motion.RESTART: "restart", Motion.NONE: ""}
Row = tuple[str, ...]


def show(terminal: Terminal, plan: Plan) -> None:
    """The changes, aligned, and a line that sums them up."""
    rows = [(change, row) for change in plan.changes if not change.idle for row in _rows(change, plan)]
    widths = [max((len(row[at]) for _, row in rows), default=0) for at in range(5)]
    for change, row in rows:
        sign, *cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        style = YELLOW if row[0] == "!" else STYLES[change.action]
        terminal.print(f"{terminal.paint(sign, style)} {'  '.join(cells)}".rstrip())
    terminal.print(terminal.paint(summary(plan), BOLD))


def label(change: Change, plan: Plan) -> str:
    """`web`, or `web#2` when there are several; other kinds are named."""
    address = change.address
    if address.kind != "container":
        return f"{address.kind} {address.name}"
    several = sum(other.address.name == address.name and other.address.kind == "container" for other in plan.changes)
    return f"{address.name}#{address.index}" if several > 1 else address.name


def _rows(change: Change, plan: Plan) -> Iterator[Row]:
    title, sign = label(change, plan), SIGNS[change.action]
    told = False
    for item in change.diffs:
        drift = item.cause is DiffCause.DRIFT
        place = item.span.place if item.span else ""
        what = f"{EFFECTS[item.effect]} ({item.why})" if drift else EFFECTS[item.effect]
        yield "!" if drift else sign, "" if told else title, name(item.path), _values(item), _end(place, what)
        told = True
    causes = [reason for reason in change.reasons if not change.diffs or reason.detail not in _paths(change)]
    for reason in causes or ([] if told else change.reasons):
        place = reason.span.place if reason.span else ""
        yield sign, "" if told else title, _why(change, reason), "", _end(place, "" if told else _deed(change))
        told = True
    if not told:
        yield sign, title, _deed(change), "", ""


def _why(change: Change, reason: Reason) -> str:
    """An image that is built knows which files are to blame."""
    spec = change.desired.spec if change.desired else {}
    return str(spec["because"]) if reason.cause is Cause.ABSENT and "because" in spec else str(reason)


def _values(item: FieldDiff) -> str:
    if item.cause is not DiffCause.DRIFT:
        return transition(item.path, item.recorded, item.wanted)
    if is_port(item.path):
        return f"{item.path[1]}  lost"
    if item.live is False and item.wanted == ABSENT:  # not a value, but whether the thing is there
        return "lost"
    return f"kernel {shown(item.path, item.live)} -> file {shown(item.path, item.wanted)}"


def _end(place: str, what: str) -> str:
    return "  ".join(filter(None, (place, what)))


def _paths(change: Change) -> set[str]:
    return {".".join(item.path) for item in change.diffs}


def _deed(change: Change) -> str:
    match change.action:
        case Action.CREATE:
            return "create and start" if change.motion is Motion.START else _count(change)
        case Action.REPLACE:
            return "recreate, its data is lost" if change.destructive else "recreate"
        case Action.DELETE:
            return "remove, with its data" if change.destructive else "remove"
        case Action.KEEP | Action.UPDATE:
            return MOTIONS[change.motion] or "in place"


def summary(plan: Plan) -> str:
    """`Plan: 1 in place, 1 recreate, 1 drift.`"""
    counts: Counter[str] = Counter(filter(None, (_count(change) for change in plan.changes)))
    drift = sum(any(item.cause is DiffCause.DRIFT for item in change.diffs) for change in plan.changes)
    if drift:
        counts["drift"] = drift
    order = ("build", "create", "in place", "restart", "recreate", "start", "stop", "drift", "remove")
    told = ", ".join(f"{counts[word]} {word}" for word in order if counts[word])
    return f"Plan: {told}." if told else "Nothing to do: everything is as the file says."


def _count(change: Change) -> str:
    match change.action:
        case Action.CREATE:
            return "build" if change.desired and "build" in change.desired.spec else "create"
        case Action.REPLACE:
            return "recreate"
        case Action.DELETE:
            return "remove"
        case Action.UPDATE:
            return MOTIONS[change.motion] or "in place"
        case Action.KEEP:
            return MOTIONS[change.motion]


def show_json(terminal: Terminal, plan: Plan, told: dict[str, Any]) -> None:
    """`told`: what is said beside the plan, by its key."""
    terminal.print(own_json("plan", {**as_data(plan), **told}))


def as_data(plan: Plan) -> dict[str, Any]:
    """What scripts may rely on: changes and steps, without the specs."""
    return {
        "stack": plan.stack,
        "changes": [_change(change) for change in plan.changes if not change.idle],
        "steps": [
            {"id": step.id, "verb": step.verb.value, "address": str(step.address), "after": list(step.after)}
            for step in plan.steps
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": change.action.name.lower(),
        "motion": change.motion.value,
        "destructive": change.destructive,
        "reasons": [_why(change, reason) for reason in change.reasons],
        "fields": [
            {
                "path": list(item.path),
                "wanted": _plain(item.wanted),
                "recorded": _plain(item.recorded),
                "live": _plain(item.live),
                "cause": item.cause.value,
                "effect": item.effect.value,
                "place": item.span.place if item.span else None,
            }
            for item in change.diffs
        ],
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, str) and value.startswith("\0") else value
