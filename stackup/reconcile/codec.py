"""Plans, desired and observed resources as JSON and back, without loss: what `plan -o` writes and the cache keeps.

Tables of shapes; the published schema of plans is made from them. Field paths have dots and slashes of the user's in
them, so mappings keyed by a path travel as lists of pairs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from stackup.diagnostics import Span
from stackup.errors import UsageError
from stackup.reconcile.diff import Cause as DiffCause
from stackup.reconcile.diff import FieldDiff
from stackup.reconcile.plan import Action, Cause, Change, Motion, Plan, Reason, Step, Verb
from stackup.reconcile.resource import Desired, Effect, Need, Observed, OnReplace, Run, Until
from stackup.reconcile.shapes import (
    ANY,
    COUNT,
    DATA,
    FLAG,
    TEXT,
    Shape,
    keyed,
    listed,
    maybe,
    paired,
    record,
    row,
    words,
)
from stackup.values import Address

FORMAT = 1

ADDRESS = Shape(str, Address.parse, {"type": "string"})
PATH = Shape(list, tuple, {"type": "array", "items": {"type": "string"}})
UNTIL = words(Until)
REACHED = Shape(
    lambda values: sorted(until.value for until in values),
    lambda data: frozenset(Until(word) for word in data),
    {"type": "array", "items": UNTIL.schema},
)
SPAN = row(Span, source=TEXT, line=COUNT, column=COUNT, end_line=COUNT, end_column=COUNT)
NEED = row(Need, on=ADDRESS, until=UNTIL, holds=FLAG, on_replace=words(OnReplace), required=FLAG)
REASON = row(Reason, cause=words(Cause), detail=TEXT, span=maybe(SPAN))
DESIRED = record(
    Desired,
    address=ADDRESS,
    spec=DATA,
    needs=listed(NEED),
    run=words(Run),
    ready=UNTIL,
    origins=paired(PATH, SPAN),
)
LIVE = paired(PATH, ANY)
OBSERVED = record(
    Observed,
    address=ADDRESS,
    instance=TEXT,
    recorded=DATA,
    live=LIVE,
    holds=keyed(ADDRESS, TEXT),
    needs=listed(ADDRESS),
    run=words(Run),
    reached=REACHED,
    broken=TEXT,
    why_not_running=TEXT,
    transient=FLAG,
    external=FLAG,
)
DIFF = record(
    FieldDiff,
    path=PATH,
    wanted=ANY,
    recorded=ANY,
    live=ANY,
    cause=words(DiffCause),
    effect=words(Effect),
    why=TEXT,
    span=maybe(SPAN),
)
CHANGE = record(
    Change,
    address=ADDRESS,
    action=words(Action),
    motion=words(Motion),
    reasons=listed(REASON),
    diffs=listed(DIFF),
    destructive=FLAG,
    desired=maybe(DESIRED),
    observed=maybe(OBSERVED),
)
STEP = record(
    Step,
    id=COUNT,
    verb=words(Verb),
    address=ADDRESS,
    after=listed(COUNT),
    tolerates=listed(COUNT),
    until=maybe(UNTIL),
    fields=listed(PATH),
)
PLAN = record(Plan, stack=TEXT, fingerprint=TEXT, changes=listed(CHANGE), steps=listed(STEP))


def plan_to_json(plan: Plan) -> str:
    return json.dumps({"format": FORMAT, **PLAN.out(plan)}, indent=1, ensure_ascii=False)


def plan_from_json(text: str, source: str = "the plan") -> Plan:
    """Raises UsageError when the text is not a plan of this format."""
    remedy = "make a new one with `stackup plan -o FILE`"
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise UsageError(f'"{source}" is a plan of format {data["format"]}', subject=source, hint=remedy)
        return cast(Plan, PLAN.read(data))  # a shape reads what it was made of
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UsageError(f'"{source}" is not a plan', subject=source, hint=remedy) from problem


def plan_schema() -> dict[str, Any]:
    """JSON schema, draft 7, of what `plan_to_json` writes."""
    schema = PLAN.schema
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **schema,
        "properties": {"format": {"const": FORMAT}, **schema["properties"]},
        "required": ["format", *schema["required"]],
    }


def fingerprint(observed: Iterable[Observed]) -> str:
    """Of what a plan rests on: which instances there are, what we claim of them, whether they run and are sound."""
    facts = sorted([str(o.address), o.instance, o.recorded, o.run.value, o.broken, LIVE.out(o.live)] for o in observed)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def desired_out(item: Desired) -> dict[str, Any]:
    return cast(dict[str, Any], DESIRED.out(item))


def desired_in(data: Mapping[str, Any]) -> Desired:
    return cast(Desired, DESIRED.read(data))
