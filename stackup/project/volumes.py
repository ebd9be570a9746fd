"""The volumes of a stack that are there."""

from __future__ import annotations

from typing import Any

from stackup.project.resolve import stack_name
from stackup.project.session import Session


def volumes(session: Session) -> list[dict[str, Any]]:
    """Name and driver, by name."""
    stack = stack_name(session)
    engine = session.host.engine(stack)
    try:
        found = [seen.recorded for seen in engine.kinds["volume"].observe(stack)]
    finally:
        engine.close()
    rows = [{"name": str(spec.get("name", "")), "driver": str(spec.get("driver", "local"))} for spec in found]
    return sorted(rows, key=lambda row: row["name"])
