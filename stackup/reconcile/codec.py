"""Plans, desired and observed resources as JSON and back, without loss: what `plan -o` writes and the cache keeps.

Field paths have dots and slashes of the user's in them, so mappings keyed by a path travel as lists of pairs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from stackup.diagnostics import Span
from stackup.errors import UsageError
from stackup.reconcile.diff import Cause as DiffCause
from stackup.reconcile.diff import FieldDiff
from stackup.reconcile.plan import Action, Cause, Change, Motion, Plan, Reason, Step, Verb
from stackup.reconcile.resource import Desired, Effect, Need, Observed, OnReplace, Run, Until
from stackup.values import Address, FieldPath, Json

FORMAT = 1


def plan_to_json(plan: Plan) -> str:
    return json.dumps(
        {
            "format": FORMAT,
            "stack": plan.stack,
            "fingerprint": plan.fingerprint,
            "changes": [_change_out(change) for change in plan.changes],
            "steps": [_step_out(step) for step in plan.steps],
        },
        indent=1,
        ensure_ascii=False,
    )


def plan_from_json(text: str, source: str = "the plan") -> Plan:
    """Raises UsageError when the text is not a plan of this format."""
    remedy = "make a new one with `stackup plan -o FILE`"
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise UsageError(f'"{source}" is a plan of format {data["format"]}', subject=source, hint=remedy)
        changes = tuple(_change_in(item) for item in data["changes"])
        steps = tuple(_step_in(item) for item in data["steps"])
        return Plan(data["stack"], changes, steps, data["fingerprint"])
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UsageError(f'"{source}" is not a plan', subject=source, hint=remedy) from problem


def fingerprint(observed: Iterable[Observed]) -> str:
    """Of what a plan rests on: which instances there are, what we claim of them, whether they run and are sound."""
    facts = sorted(
        [str(o.address), o.instance, o.recorded, o.run.value, o.broken, _paths_out(o.live)] for o in observed
    )
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def desired_out(item: Desired) -> dict[str, Any]:
    return {
        "address": str(item.address),
        "spec": item.spec,
        "needs": [[str(n.on), n.until.value, n.holds, n.on_replace.value, n.required] for n in item.needs],
        "run": item.run.value,
        "ready": item.ready.value,
        "origins": [[list(path), _span_out(span)] for path, span in item.origins.items()],
    }


def desired_in(data: Mapping[str, Any]) -> Desired:
    needs = tuple(
        Need(Address.parse(on), Until(until), holds, OnReplace(then), required)
        for on, until, holds, then, required in data["needs"]
    )
    origins = {tuple(path): Span(*span) for path, span in data["origins"]}
    return Desired(Address.parse(data["address"]), data["spec"], needs, Run(data["run"]), Until(data["ready"]), origins)


def observed_out(item: Observed) -> dict[str, Any]:
    return {
        "address": str(item.address),
        "instance": item.instance,
        "recorded": item.recorded,
        "live": _paths_out(item.live),
        "holds": {str(address): instance for address, instance in item.holds.items()},
        "needs": [str(address) for address in item.needs],
        "run": item.run.value,
        "reached": sorted(until.value for until in item.reached),
        "broken": item.broken,
        "why_not_running": item.why_not_running,
        "transient": item.transient,
        "external": item.external,
    }


def observed_in(data: Mapping[str, Any]) -> Observed:
    return Observed(
        Address.parse(data["address"]),
        data["instance"],
        data["recorded"],
        {tuple(path): value for path, value in data["live"]},
        {Address.parse(address): instance for address, instance in data["holds"].items()},
        tuple(Address.parse(address) for address in data["needs"]),
        Run(data["run"]),
        frozenset(Until(until) for until in data["reached"]),
        data["broken"],
        data["why_not_running"],
        data["transient"],
        data["external"],
    )


def _paths_out(values: Mapping[FieldPath, Json]) -> list[Any]:
    return [[list(path), value] for path, value in values.items()]


def _span_out(span: Span | None) -> list[Any] | None:
    return [span.source, span.line, span.column, span.end_line, span.end_column] if span else None


def _span_in(data: list[Any] | None) -> Span | None:
    return Span(*data) if data else None


def _change_out(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "motion": change.motion.value,
        "reasons": [[reason.cause.value, reason.detail, _span_out(reason.span)] for reason in change.reasons],
        "diffs": [_diff_out(item) for item in change.diffs],
        "destructive": change.destructive,
        "desired": desired_out(change.desired) if change.desired else None,
        "observed": observed_out(change.observed) if change.observed else None,
    }


def _change_in(data: Mapping[str, Any]) -> Change:
    return Change(
        Address.parse(data["address"]),
        Action(data["action"]),
        Motion(data["motion"]),
        tuple(Reason(Cause(cause), detail, _span_in(span)) for cause, detail, span in data["reasons"]),
        tuple(_diff_in(item) for item in data["diffs"]),
        data["destructive"],
        desired_in(data["desired"]) if data["desired"] else None,
        observed_in(data["observed"]) if data["observed"] else None,
    )


def _diff_out(item: FieldDiff) -> dict[str, Any]:
    return {
        "path": list(item.path),
        "wanted": item.wanted,
        "recorded": item.recorded,
        "live": item.live,
        "cause": item.cause.value,
        "effect": item.effect.value,
        "why": item.why,
        "span": _span_out(item.span),
    }


def _diff_in(data: Mapping[str, Any]) -> FieldDiff:
    return FieldDiff(
        tuple(data["path"]),
        data["wanted"],
        data["recorded"],
        data["live"],
        DiffCause(data["cause"]),
        Effect(data["effect"]),
        data["why"],
        _span_in(data["span"]),
    )


def _step_out(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "verb": step.verb.value,
        "address": str(step.address),
        "after": list(step.after),
        "tolerates": list(step.tolerates),
        "until": step.until.value if step.until else None,
        "fields": [list(path) for path in step.fields],
    }


def _step_in(data: Mapping[str, Any]) -> Step:
    return Step(
        data["id"],
        Verb(data["verb"]),
        Address.parse(data["address"]),
        tuple(data["after"]),
        tuple(data["tolerates"]),
        Until(data["until"]) if data["until"] else None,
        tuple(tuple(path) for path in data["fields"]),
    )
