"""Which stacks there are on this host. Hot."""

from __future__ import annotations

from stackup.kernel.files import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.project.session import Session

ALIVE = ("running", "paused", "restarting")


def ls(session: Session, *, everything: bool = False) -> list[dict[str, Any]]:
    """Name, containers by state, and the files it was last brought up from; without `everything` only what runs."""
    rows = [_row(session, name, everything) for name in sorted(session.host.direct.stacks())]
    return [row for row in rows if row["states"]]


def _row(session: Session, name: str, everything: bool) -> dict[str, Any]:
    states: dict[str, int] = {}
    for container in session.host.direct.containers(name):
        if everything or container["state"] in ALIVE:
            states[container["state"]] = states.get(container["state"], 0) + 1
    note = read_json(session.layout.stack_file(name))
    files = note.get("files") if isinstance(note, dict) else None
    return {"name": name, "states": states, "files": files if isinstance(files, list) else []}
