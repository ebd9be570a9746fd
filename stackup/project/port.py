"""Where a container's port is published. Hot."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.engines.engine import PublishedPort
    from stackup.project.session import Session


def port(session: Session, service: str, target: int, *, protocol: str = "tcp", index: int = 0) -> PublishedPort:
    """The host's address and port for a port of the service; docker compose's error, with what is published as hint."""
    rows = [row for row in containers(session, (service,)) if not index or row["index"] == index]
    if not rows:
        raise UsageError(f'service "{service}" has no container', subject=service, hint="run `stackup up -d`")
    row = rows[0]
    for found in row["ports"]:
        if found["target"] == target and found["protocol"] == protocol:
            return found
    published = ", ".join(f"{item['target']}/{item['protocol']}" for item in row["ports"])
    raise UsageError(
        f"no port {target}/{protocol} for container {row['name']}",
        subject=row["name"],
        hint=f"published: {published}" if published else "it publishes no ports",
    )
