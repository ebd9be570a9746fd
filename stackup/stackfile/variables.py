"""Variables that explain themselves: each that the files ask for, what it gives, who said so and who was not heard.

From the documents of a load, as they were written: also what an operator leaves unused is an asking. Values come from
the same Environment that interpolation used, so that an included file's variables are explained by its own env files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from stackup.diagnostics import Diagnostic, Related, Severity, Span
from stackup.stackfile.assemble import Asking
from stackup.stackfile.document import RESET, Mapping, Node, Scalar, Sequence, section
from stackup.stackfile.environment import Environment
from stackup.stackfile.interpolate import MAX_NESTING, Evaluation, Malformed, Missing, Variable, locate, scan

OWN = ("SU010", "SU011", "SU012")
"""Codes that are about variables themselves."""
MAX_PLACES = 200
"""Of variables in one value; the rest stand where the value does, since finding each takes as long as the value."""

Kind: TypeAlias = Literal["stack", "shell", "env_file", "default"]


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody's word about a variable. `stack` is the tool itself, `default` the file that asks."""

    kind: Kind
    value: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A place that asks. `word` is what stands behind the operator; one without braces may only pass the name on."""

    name: str
    text: str
    span: Span
    operator: str = ""
    word: str = ""


@dataclass(slots=True)
class Explained:
    """A variable as some places see it; `won` is None when nobody gives it a value."""

    name: str
    won: Source | None
    lost: dict[Source, None] = field(default_factory=dict)
    uses: dict[Use, None] = field(default_factory=dict)
    """Both in order, each once."""

    @property
    def required(self) -> bool:
        return any(use.operator.endswith("?") for use in self.uses)


def explain(asking: Iterable[Asking], names: frozenset[str] = frozenset()) -> list[Explained]:
    """By name, then in the order of reading; of some names only, where any are given."""
    found: dict[tuple[str, Source | None], Explained] = {}
    for read in asking:
        for use in uses_of(read):
            if names and use.name not in names:
                continue
            won, lost = _sources(use, read.environment)
            item = found.setdefault((use.name, won), Explained(use.name, won))
            item.lost |= dict.fromkeys(lost)
            item.uses[use] = None
    return sorted(found.values(), key=lambda item: item.name)


def with_values(diagnostics: Iterable[Diagnostic], asking: Iterable[Asking]) -> list[Diagnostic]:
    """Errors about values that variables gave, with the place that says so: the file that is shown does not. Only its
    name: what an env file says can be a secret."""
    told = list(diagnostics)
    if not any(item.severity is Severity.ERROR and item.code not in OWN for item in told):
        return told
    places: dict[tuple[str, int], list[tuple[Use, Source]]] = {}
    for read in asking:
        for use in uses_of(read):
            won, _ = _sources(use, read.environment)
            if won is not None and won.kind in ("env_file", "shell"):
                places.setdefault((use.span.source, use.span.line), []).append((use, won))
    return [item if item.code in OWN else _with_values(item, places) for item in told]


def _with_values(item: Diagnostic, places: dict[tuple[str, int], list[tuple[Use, Source]]]) -> Diagnostic:
    span = item.span
    if span is None or item.severity is not Severity.ERROR:
        return item
    found: list[Related] = []
    for use, won in places.get((span.source, span.line), [])[:MAX_PLACES]:
        if span.column <= use.span.column and use.span.end_column <= span.end_column and use.text.startswith("$"):
            source = f"at {won.span.place}" if won.span else "by the shell"
            found.append(Related(f"{use.name} is set {source}", use.span))
    return replace(item, related=(*item.related, *found)) if found else item


def _sources(use: Use, environment: Environment) -> tuple[Source | None, list[Source]]:
    """The source that wins at this place, and the others from the strongest down."""
    found = list(_given(use.name, environment))
    won = found[0] if found else None
    if use.operator.endswith("-"):
        default = Source("default", _evaluated(use.word, environment), use.span)
        found.append(default)
        if won is None or (use.operator == ":-" and not won.value):
            won = default
    return won, [source for source in found if source is not won]


def _given(name: str, environment: Environment) -> Iterator[Source]:
    if name in environment.given:
        yield Source("stack", environment.given[name])
    if name in environment.caller:
        yield Source("shell", environment.caller[name])
    for layer in reversed(environment.layers):
        if name in layer:
            yield Source("env_file", layer[name].value, layer[name].span)


def _evaluated(word: str, environment: Environment) -> str:
    try:
        return Evaluation(environment.get, lambda variable: None).text(word)
    except (Malformed, Missing):  # told when the file is loaded
        return word


def uses_of(read: Asking) -> Iterator[Use]:
    """The places of one document that ask, in its order; the same for names that are only passed on."""
    lines = read.document.text.split("\n")
    for node in _scalars(read.document.root, set()):
        for number, variable in enumerate(_variables(str(node.value), 0)):
            span = locate(lines, node, variable.start, variable.end) if number < MAX_PLACES else node.span
            text = str(node.value)[variable.start : variable.end]
            yield Use(variable.name, text, span, variable.operator, variable.word)
    yield from _passed(read.root)


def _scalars(node: Node, seen: set[int]) -> Iterator[Scalar]:
    """Those that hold a dollar; an alias is looked at where its anchor stands."""
    if node.tag == RESET or id(node) in seen:
        return
    seen.add(id(node))
    match node:
        case Scalar():
            if isinstance(node.value, str) and "$" in node.value:
                yield node
        case Sequence():
            for item in node.items:
                yield from _scalars(item, seen)
        case Mapping():
            for entry in node.entries.values():
                yield from _scalars(entry.value, seen)


def _variables(text: str, offset: int, depth: int = 0) -> Iterator[Variable]:
    """Also those within words, used or not. What cannot be read was told when the file was loaded."""
    try:
        parts = scan(text, offset) if depth <= MAX_NESTING else ()
    except Malformed:
        return
    for part in parts:
        if isinstance(part, Variable):
            yield part
            yield from _variables(part.word, part.word_start, depth + 1)


def _passed(root: Mapping) -> Iterator[Use]:
    """Names without a value, which take the run's; and what secrets and configs are made of."""
    for entry in section(root, "services").entries.values():
        service = entry.value
        if isinstance(service, Mapping):
            for place in (section(service, "environment"), section(service, "build", "args")):
                for name, item in place.entries.items():
                    if isinstance(item.value, Scalar) and item.value.value is None:
                        yield Use(name, name, item.key)
    for kind in ("secrets", "configs"):
        for entry in section(root, kind).entries.values():
            source = entry.value.get("environment") if isinstance(entry.value, Mapping) else None
            if isinstance(source, Scalar) and isinstance(source.value, str):
                yield Use(source.value, source.value, source.span)
