"""The volumes of a stack that are there."""

from __future__ import annotations

import os
from typing import Any

from stackup.layout import DATA
from stackup.project.resolve import stack_name
from stackup.project.session import Session
from stackup.reconcile.resource import Observed


def volumes(session: Session) -> list[dict[str, Any]]:
    """Name, driver, labels and the folder with the data, by name."""
    stack = stack_name(session)
    engine = session.host.engine(stack)
    try:
        found = list(engine.kinds["volume"].observe(stack))
    finally:
        engine.close()
    return sorted((_row(session, stack, seen) for seen in found), key=lambda row: str(row["name"]))


def _row(session: Session, stack: str, seen: Observed) -> dict[str, Any]:
    spec, labels = seen.recorded, seen.recorded.get("labels")
    home = session.layout.address_dir(stack, seen.address.kind, seen.address.directory)
    ours = {"com.docker.compose.project": stack, "com.docker.compose.volume": seen.address.name}
    return {
        "name": str(spec.get("name", "")),
        "driver": str(spec.get("driver", "local")),
        "labels": {**(labels if isinstance(labels, dict) else {}), **ours},
        "mountpoint": os.path.join(home, DATA),
    }
