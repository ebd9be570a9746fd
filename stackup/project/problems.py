"""Diagnostics as plain rows with the source line beside them: what the cache keeps and what views draw.

A row can be drawn without loading the diagnostic types, and long after the sources are gone.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from stackup.diagnostics import Diagnostic, Span


def rows_of(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_row(item, sources) for item in diagnostics]


def _row(item: Diagnostic, sources: Mapping[str, str]) -> dict[str, Any]:
    return {
        "code": item.code,
        "severity": item.severity.value,
        "summary": item.summary,
        "detail": item.detail,
        "label": item.label,
        "hint": item.hint,
        "span": _span(item.span, sources),
        "related": [{"label": other.label, "span": _span(other.span, sources)} for other in item.related],
    }


def _span(span: Span | None, sources: Mapping[str, str]) -> dict[str, Any] | None:
    if span is None:
        return None
    lines = sources.get(span.source, "").splitlines()
    return {
        "source": span.source,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "text": lines[span.line - 1] if 0 < span.line <= len(lines) else "",
    }
