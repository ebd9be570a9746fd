"""Diagnostics as plain rows with the source line beside them: what the cache keeps and what views draw.

A row can be drawn without loading the diagnostic types, and long after the sources are gone. Under --strict a warning
is an error wherever it would have been told; its row says so.
"""

from __future__ import annotations

from stackup.errors import StackInvalid, StackupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from stackup.diagnostics import Diagnostic, Span
    from stackup.project.session import Session


LONGEST = 2000
"""Of a text in a row: who reads it reads no more, and a hostile file has keys of megabytes."""


def rows_of(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_row(item, sources) for item in diagnostics]


def refuse(session: Session, diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> None:
    """Raises StackInvalid with all of them when one is an error; warnings alone are told when their stack is used."""
    found = list(diagnostics)
    if any(item.severity.value == "error" for item in found):
        tell(session, rows_of(found, sources))


def readable(problem: StackupError) -> StackupError:
    """What is wrong with a Dockerfile is told with its lines."""
    if problem.code != "unbuildable":
        return problem
    found: Any = problem  # `images.build.request.Unbuildable`, which is not loaded for a question
    rows = rows_of(found.diagnostics, {found.source: found.text})
    return StackInvalid(rows, what=f'the build of "{found.image}"')


def tell(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Warnings go to the user; raises StackInvalid when there is an error among the rows. In the order of the files."""
    found = sorted(map(_strict, rows) if session.strict else rows, key=_position)
    if any(row["severity"] == "error" for row in found):
        raise StackInvalid(found)
    for row in found:
        session.warn(row)


def _position(row: dict[str, Any]) -> tuple[str, int, int]:
    span = row["span"]
    return (span["source"], span["line"], span["column"]) if span else ("", 0, 0)


def _strict(row: dict[str, Any]) -> dict[str, Any]:
    return row if row["severity"] == "error" else {**row, "severity": "error", "strict": True}


def _row(item: Diagnostic, sources: Mapping[str, str]) -> dict[str, Any]:
    return {
        "code": item.code,
        "severity": item.severity.value,
        "summary": item.summary,
        "detail": _short(item.detail),
        "label": _short(item.label),
        "hint": _short(item.hint),
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
        "text": lines[span.line - 1][:LONGEST] if 0 < span.line <= len(lines) and span.column < LONGEST else "",
    }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
