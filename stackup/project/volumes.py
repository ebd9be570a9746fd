"""The volumes of a stack that are there."""

from __future__ import annotations

from typing import Any

from stackup.project.resolve import stack_name
from stackup.project.session import Session


def volumes(session: Session) -> list[dict[str, Any]]:
    """By name."""
    stack = stack_name(session)
    found = [row for row in session.host.direct.volumes() if row["stack"] == stack]
    return sorted(found, key=lambda row: str(row["name"]))
