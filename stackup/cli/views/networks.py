"""Networks in docker's words: fields of a row, and one in full."""

from __future__ import annotations

from stackup.cli.views.inspected import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEADS = {
    "CreatedAt": "CREATED AT", "Driver": "DRIVER", "ID": "NETWORK ID", "IPv4": "IPV4", "IPv6": "IPV6",
    "Internal": "INTERNAL", "Labels": "LABELS", "Name": "NAME", "Scope": "SCOPE",
}  # fmt: skip


def row(one: dict[str, Any], *, whole: bool) -> dict[str, str]:
    """All fields are text."""
    return {
        "CreatedAt": moment(one["created_at"]),
        "Driver": one["driver"],
        "ID": str(one["id"]) if whole else str(one["id"])[:12],
        "IPv4": str(one["ipv4"]).lower(),
        "IPv6": str(one["ipv6"]).lower(),
        "Internal": str(one["internal"]).lower(),
        "Labels": ",".join(f"{key}={value}" for key, value in one["labels"].items()),
        "Name": one["name"],
        "Scope": "local",
    }


def inspected(one: dict[str, Any]) -> dict[str, Any]:
    """`Stack` and `Uplink` are ours: whose it is, and the link on the host with its two ends."""
    pools = ((one["subnet"], one["gateway"], one["ip_range"]), (one["subnet6"], one["gateway6"], one["ip_range6"]))
    config = [
        {"Subnet": subnet, "Gateway": gateway} | ({"IPRange": ip_range} if ip_range else {})
        for subnet, gateway, ip_range in pools
        if subnet
    ]
    return {
        "Name": one["name"],
        "Id": one["id"],
        "Created": moment(one["created_at"]),
        "Scope": "local",
        "Driver": one["driver"],
        "EnableIPv4": one["ipv4"],
        "EnableIPv6": one["ipv6"],
        "IPAM": {"Driver": "default", "Options": {}, "Config": config},
        "Internal": one["internal"],
        "Attachable": True,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Stack": one["stack"],
        "Uplink": {"Link": one["link"], "IPv4": one["uplink"], "IPv6": one["uplink6"]},
        "Containers": {
            member["id"]: {
                "Name": member["name"],
                "IPv4Address": _with_prefix(member["address"], one["subnet"]),
                "IPv6Address": _with_prefix(member["address6"], one["subnet6"]),
            }
            for member in one["members"]
        },
        "Options": one["options"],
        "Labels": one["labels"],
    }


def _with_prefix(address: str, subnet: str) -> str:
    return f"{address}/{subnet.partition('/')[2]}" if address else ""
