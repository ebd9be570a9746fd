"""The images that containers run. Hot."""

from __future__ import annotations

from stackup.cli.views.tables import go_json, table
from stackup.cli.views.times import ago, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.terminal import Terminal

ID_WIDTH = 12
NEVER = "0001-01-01T00:00:00Z"
"""Go's time of nothing: when the machine's own root was tagged."""


def short(identity: str) -> str:
    return identity.removeprefix("sha256:")[:ID_WIDTH]


def name_and_tag(reference: str) -> tuple[str, str]:
    """`docker.io/library/nginx:1` as `nginx` and `1`: what docker prints."""
    plain = reference.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")
    name, mark, tag = plain.rpartition(":")
    return (name, tag) if mark and "/" not in tag else (plain, "latest")


def human(size: int) -> str:
    """Decimal units with three figures, as docker: `7.8MB`."""
    value, unit = float(size), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, bigger
    return f"{value:.3g}{unit}"


def show_used(terminal: Terminal, rows: list[dict[str, Any]], now: float, *, as_json: bool) -> None:
    """One line a container."""
    if as_json:
        terminal.print(f"[{','.join(_go(row) for row in rows)}]")
        return
    cells = [
        (
            row["container"],
            *name_and_tag(row["reference"]),
            row["platform"],
            short(row["id"]),
            human(row["size"]),
            ago(row["created"], now),
        )
        for row in rows
    ]
    table(terminal, ("CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"), cells)


def _go(row: dict[str, Any]) -> str:
    name, tag = name_and_tag(row["reference"])
    fields = {"ID": row["id"], "ContainerName": row["container"], "Repository": name, "Tag": tag}
    fields |= {"Platform": row["platform"], "Size": row["size"]}
    made = stamp(int(row["created"] * 10**9)) if row["created"] else NEVER
    fields |= {"LastTagTime": made} | ({"Created": made} if row["created"] else {})
    text = ",".join(f'"{key}":{go_json(value)}' for key, value in fields.items())
    return f"{{{text}}}"
