"""One thing that happened to a container, as docker compose tells it. Hot."""

from __future__ import annotations

from stackup.cli.views.tables import go_json
from stackup.cli.views.times import local_stamp, microseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.runtime.description import Happening


def line(one: Happening) -> str:
    """`2026-01-02 15:04:05.123456 container start 4f1c (image=host, name=shop-web-1)`; docker compose leaves an empty
    line after each, and sorts attributes by chance.
    """
    attributes = ", ".join(f"{name}={value}" for name, value in sorted(one["attributes"].items()))
    return f"{microseconds(one['at'])} container {one['action']} {one['id']} ({attributes})"


def json_line(one: Happening) -> str:
    """Byte for byte its shape."""
    return go_json(
        {
            "action": one["action"],
            "attributes": one["attributes"],
            "id": one["id"],
            "service": one["service"],
            "time": local_stamp(one["at"]),
            "type": "container",
        }
    )
