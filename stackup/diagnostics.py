"""Problems of a stack file as values: where, what, and what to do about it.

A leaf. A Diagnostic is data; views decide how it looks. `summary` never contains text of the user's, so that it can be
searched for; `detail` names the user's things. Spans are 1-based and half-open, columns count characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum


class Severity(str, Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a source: `source` is the name as the user would type it; lines and columns start at 1."""

    source: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"

    @property
    def place(self) -> str:
        """`file:line`, the short form of plans and tables."""
        return f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that helps to understand the first: "first given here", "defined here"."""

    label: str
    span: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem. `code` is `SUnnn`, stable over releases; `label` stands beside the caret."""

    code: str
    severity: Severity
    summary: str
    detail: str = ""
    span: Span | None = None
    label: str = ""
    related: tuple[Related, ...] = ()
    hint: str = ""


@dataclass(slots=True)
class Diagnostics:
    """A collector handed through a pipeline; the only mutable thing in it."""

    items: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, summary: str, **rest: object) -> None:
        self.items.append(Diagnostic(code, Severity.ERROR, summary, **rest))  # type: ignore[arg-type]

    def warning(self, code: str, summary: str, **rest: object) -> None:
        self.items.append(Diagnostic(code, Severity.WARNING, summary, **rest))  # type: ignore[arg-type]

    def extend(self, more: Iterable[Diagnostic]) -> None:
        self.items.extend(more)

    @property
    def failed(self) -> bool:
        return any(item.severity is Severity.ERROR for item in self.items)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
