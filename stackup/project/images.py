"""Which images the containers of a stack run. Hot."""

from __future__ import annotations

import os

from stackup.project.containers import containers

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
"""Go's names of machines. Every image here is for this one: nothing else could run."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.project.session import Session


def images(session: Session, services: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """One row a container: its name, the image's reference and id, and what the store knows of it."""
    from stackup.images.store import Store

    platform = f"linux/{MACHINES.get(os.uname().machine, os.uname().machine)}"
    stored = {str(row["id"]): row for row in Store(session.layout.images_dir).images()}
    return [
        {
            "container": row["name"],
            "reference": row["image"],
            "id": row["image_id"],
            "platform": platform,
            "size": stored.get(row["image_id"], {}).get("size", 0),
            "created": stored.get(row["image_id"], {}).get("created", 0),
        }
        for row in containers(session, services)
    ]
