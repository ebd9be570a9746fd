"""Which service brought what stands in another: a problem in a base is told with the `extends` that it came through.

Spans are enough: what stands within a base's lines came through whoever extends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from stackup.diagnostics import Diagnostic, Related, Span

MAX_STEPS = 4
"""Of a chain; what is longer is told from the problem's end."""


@dataclass(frozen=True, slots=True)
class Step:
    """`service` has at `span` the name of a base, whose key is at `key` and whose lines are `base`."""

    service: str
    span: Span
    key: Span
    base: Span

    def brings(self, span: Span) -> bool:
        base = self.base
        begins = (base.line, base.column) <= (span.line, span.column)
        return span.source == base.source and begins and span.line <= base.end_line


def with_steps(diagnostics: Iterable[Diagnostic], steps: Iterable[Step], standing: set[Span]) -> list[Diagnostic]:
    """Diagnostics with their ways. `standing` are the keys of services of this run, which speak for themselves."""
    known = [step for step in dict.fromkeys(steps) if step.key not in standing]
    return [_with_steps(item, known) for item in diagnostics]


def _with_steps(item: Diagnostic, steps: list[Step]) -> Diagnostic:
    found: list[Related] = []
    span = item.span
    while span is not None and len(found) < MAX_STEPS:
        step = next((step for step in steps if step.brings(span) and step.span != span), None)
        if step is None or any(other.span == step.span for other in found):
            break
        found.append(Related(f'came to service "{step.service}" by this extends', step.span))
        span = step.span
    return replace(item, related=(*item.related, *found)) if found else item
