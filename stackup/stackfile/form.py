"""What a row of the canonical table is: a rule, and what the pages and schemas made from the table say of it.

With it the words in which a rule says that it cannot read what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from stackup.diagnostics import Diagnostics, Related, Span
from stackup.stackfile.document import Node, Scalar


@dataclass(slots=True)
class Words:
    """What the rules say when a short form cannot be read. `ports` are those of the document so far."""

    diagnostics: Diagnostics
    ports: int = 0
    raw: bool = False

    def refuse(self, span: Span, detail: str, hint: str = "") -> None:
        self.diagnostics.error("SU025", "a short form cannot be read", detail=detail, span=span, hint=hint)

    def not_text(self, item: Node, expected: str) -> None:
        """An item of a list of texts is something else; it would be lost."""
        self.refuse(
            item.span, f"expected {expected}", "in a list every item is one text; write all as a mapping instead"
        )

    def respelled(self, node: Scalar, text: str) -> None:
        self.diagnostics.warning(
            "SU019",
            "a number becomes another text",
            detail=f"{node.text} is read as the number {text}",
            span=node.span,
            label=f'is "{text}"',
            hint="quote it to keep it as it is written",
        )

    def mounted_twice(self, target: str, first: Span, again: Span) -> None:
        self.diagnostics.error(
            "SU038",
            "two things are mounted at one place",
            detail=f'"{target}"',
            span=again,
            related=(Related("first mounted here", first),),
            hint="give one of them another target",
        )

    def ignored(self, span: Span, option: str) -> None:
        self.diagnostics.warning("SU027", "an option is not known", detail=f'"{option}" is ignored', span=span)


Act: TypeAlias = Callable[[Node, Words], Node]
Shape: TypeAlias = Mapping[str, Any]
"""JSON schema."""
TEXT: Shape = {"type": ["string", "number", "boolean"]}
TEXTS: Shape = {"type": "array", "items": TEXT}
NULL: Shape = {"type": "null"}
ALL: Shape = {"type": "string", "pattern": r"^all$|\$", "examples": ["all"]}
NAMED: Shape = {"type": "object", "properties": {"name": TEXT}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it does, and what the pages and schemas made from the table say of it. `takes` is what may stand
    there besides the long form, `inside` the same for single keys of it; `example` is YAML that the rule changes."""

    act: Act
    means: str
    example: str
    takes: Shape | None
    inside: Mapping[str, Shape]

    def __call__(self, node: Node, words: Words) -> Node:
        return self.act(node, words)


def form(means: str, example: str, takes: Shape | None = None, **inside: Shape) -> Callable[[Act], Rule]:
    return lambda act: Rule(act, means, example, takes, inside)
