"""The merged tree to a typed Stack: problems of single values become diagnostics at the value's place.

What is wrong is cut out and the rest validated again, so that rules across resources can still speak in the same run;
a Stack made that way is for those rules only.
"""

from __future__ import annotations

from dataclasses import replace

from stackup.diagnostics import Diagnostics
from stackup.stackfile.advice import meant
from stackup.stackfile.document import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    key_span,
    nearest_span,
    plain,
    select,
    with_value,
    without,
)
from stackup.stackfile.model.stack import Stack
from stackup.stackfile.model.validate import Problem, validate
from stackup.stackfile.raw import may_become_valid

ROUNDS = 4
MAX_PROBLEMS = 300
"""Nobody reads more, and each costs a search for what was meant."""


def typed(root: Mapping, diagnostics: Diagnostics, *, raw: bool = False) -> Stack | None:
    """The Stack, whole if no diagnostic was added, else as much of it as makes sense; None if that is too little.

    In a `raw` tree a value that holds a variable is no problem yet.
    """
    cut: set[Path] = set()
    for _ in range(ROUNDS):
        found = validate(plain(root))
        if isinstance(found, Stack):
            return found
        for problem in found[:MAX_PROBLEMS]:
            if problem.path in cut:  # what was cut out is missing now, which is no news
                continue
            if not (raw and problem.kind == "invalid" and may_become_valid(root, problem.path)):
                _report(problem, root, diagnostics)
        cut.update(problem.path for problem in found)
        if len(found) > MAX_PROBLEMS:
            return None
        root = _without_all(root, found)
    return None


def _report(problem: Problem, root: Mapping, diagnostics: Diagnostics) -> None:
    match problem.kind:
        case "unknown":
            _report_unknown(problem, root, diagnostics)
        case "missing":
            diagnostics.error(
                "SU022",
                "a required key is missing",
                detail=problem.message,
                span=nearest_span(root, problem.path[:-1]),
                hint=f'add "{problem.path[-1]}"',
            )
        case "invalid":
            diagnostics.error(
                "SU021",
                "a value is not valid",
                detail=f"{dotted(problem.path)}: {problem.message}",
                span=nearest_span(root, problem.path),
                label=problem.message,
                hint=_word(select(root, problem.path), problem.known),
            )


def _word(value: Node | None, known: tuple[str, ...]) -> str:
    return meant(str(value.value), known, "") if known and isinstance(value, Scalar) else ""


def _report_unknown(problem: Problem, root: Mapping, diagnostics: Diagnostics) -> None:
    key = str(problem.path[-1])
    diagnostics.error(
        "SU020",
        "a key is not known",
        detail=f'"{key}"' + (f" in {dotted(problem.path[:-1])}" if problem.path[:-1] else " at the top of the file"),
        span=key_span(root, problem.path) or root.span,
        label="not known here",
        hint=_advice(key, problem, select(root, problem.path)),
    )


def _advice(key: str, problem: Problem, value: Node | None) -> str:
    is_service = isinstance(value, Mapping) and bool({"image", "build"} & set(value.entries))
    if len(problem.path) == 1 and is_service:
        return f'"{key}" looks like a service: indent it under "services:"'
    return meant(key, problem.known, "keys of your own start with x-")


def dotted(path: Path) -> str:
    """A path for people; nothing reads it back."""
    return ".".join(str(step) for step in path)


def _without_all(root: Mapping, problems: tuple[Problem, ...]) -> Mapping:
    """Items of lists from the last to the first, so that the indices before them still hold."""
    paths = {_cut(problem) for problem in problems}
    for path in sorted(paths, key=_by_position, reverse=True):
        done = _without(root, path)
        root = done if isinstance(done, Mapping) else root
    return root


def _cut(problem: Problem) -> Path:
    """What to take out: where a key is missing, the thing that misses it."""
    return problem.path[:-1] if problem.kind == "missing" else problem.path


def _by_position(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


def _without(node: Node, path: Path) -> Node:
    if not path:
        return node
    step = path[0]
    match node:
        case Mapping() if str(step) in node.entries:
            key = str(step)
            return (
                without(node, key)
                if len(path) == 1
                else with_value(node, key, _without(node.entries[key].value, path[1:]))
            )
        case Sequence() if isinstance(step, int) and step < len(node.items):
            changed = () if len(path) == 1 else (_without(node.items[step], path[1:]),)
            return replace(node, items=(*node.items[:step], *changed, *node.items[step + 1 :]))
        case _:
            return node
