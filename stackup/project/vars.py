"""The variables that the files ask for as plain rows. Never cached: it is asked when something is not as expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.project.problems import rows_of
from stackup.project.resolve import read
from stackup.stackfile.variables import explain

if TYPE_CHECKING:
    from typing import Any

    from stackup.diagnostics import Span
    from stackup.project.session import Session
    from stackup.stackfile.variables import Explained, Source


def variables(session: Session, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """`variables` by name, a row for each value that one has, and the `problems` that are errors.

    Files with errors are explained as far as they can be read: a variable that is missing is one of the errors.
    """
    loaded = read(session)
    errors = [item for item in loaded.diagnostics if item.severity.value == "error"]
    rows = [_row(item) for item in explain(loaded.asking, frozenset(names))]
    known = {row["name"] for row in rows}
    return {
        "variables": rows,
        "unused": [name for name in names if name not in known],
        "problems": rows_of(errors, loaded.sources),
    }


def _row(item: Explained) -> dict[str, Any]:
    return {
        "name": item.name,
        "value": item.won.value if item.won else None,
        "source": _source(item.won) if item.won else None,
        "lost": [_source(source) for source in item.lost],
        "required": item.required,
        "used": [{"text": use.text, **_place(use.span)} for use in item.uses],
    }


def _source(source: Source) -> dict[str, Any]:
    return {"kind": source.kind, "value": source.value, "place": _place(source.span) if source.span else None}


def _place(span: Span) -> dict[str, Any]:
    return {"source": span.source, "line": span.line, "column": span.column}
