"""`stackup network inspect`: docker's array, one object a network."""

from __future__ import annotations

import json

from stackup.cli.exits import Exit
from stackup.project.network import need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session = call.session()
    found = [_told(need(session, name)) for name in options.texts("networks")]
    call.terminal.print(json.dumps(found, indent=4, ensure_ascii=False))
    return Exit.DONE


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Under docker's names; `Uplink` is ours: the link on the host and its two ends."""
    pools = ((row["subnet"], row["gateway"], row["ip_range"]), (row["subnet6"], row["gateway6"], row["ip_range6"]))
    config = [
        {"Subnet": subnet, "Gateway": gateway} | ({"IPRange": ip_range} if ip_range else {})
        for subnet, gateway, ip_range in pools
        if subnet
    ]
    return {
        "Name": row["name"],
        "Id": row["id"],
        "Created": row["created_at"],
        "Scope": "local",
        "Driver": row["driver"],
        "EnableIPv4": row["ipv4"],
        "EnableIPv6": row["ipv6"],
        "IPAM": {"Driver": "default", "Options": {}, "Config": config},
        "Internal": row["internal"],
        "Attachable": True,
        "Stack": row["stack"],
        "Uplink": {"Link": row["link"], "IPv4": row["uplink"], "IPv6": row["uplink6"]},
        "Containers": {
            one["id"]: {
                "Name": one["name"],
                "IPv4Address": one["address"],
                "IPv6Address": one["address6"],
            }
            for one in row["members"]
        },
        "Options": row["options"],
        "Labels": row["labels"],
    }
