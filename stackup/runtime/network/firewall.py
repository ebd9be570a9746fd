"""What the host's table holds of us, only looked at: uplinks let through, ports that lead where they should.

Hot: a no-op `up` asks it, since a flushed table is drift like any other.
"""

from __future__ import annotations

from stackup.kernel import nftables
from stackup.runtime.network import rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.kernel.nftables import Element
    from stackup.runtime.network.ports import Published


def element(port: Published) -> tuple[str, Element] | None:
    """The map and its element; None for IPv6 addresses, which the monitor serves."""
    value = (port["address"], port["target"])
    if ":" in port["host_ip"]:
        return None
    if port["host_ip"] in {"", "0.0.0.0"}:
        return rules.ANYWHERE, ((port["protocol"], port["port"]), value)
    return rules.AT_ADDRESS, ((port["host_ip"], port["protocol"], port["port"]), value)


def observe(ports: Sequence[Published]) -> list[bool]:
    """For each: whether the kernel has its element as it should be. IPv6 ports have none and count as published."""
    with nftables.open_channel() as channel:
        known = {name: nftables.elements(channel, rules.HOST, name) for name in (rules.ANYWHERE, rules.AT_ADDRESS)}
    found = []
    for port in ports:
        held = element(port)
        found.append(held is None or known[held[0]].get(held[1][0]) == held[1][1])
    return found


def admitted(links: Sequence[str]) -> bool:
    """Whether the host's table lets all these uplinks through."""
    with nftables.open_channel() as channel:
        known = nftables.elements(channel, rules.HOST, rules.UPLINKS)
    return all((link,) in known for link in links)


def available() -> bool:
    """Without nf_tables there is no table of ours to look at."""
    return nftables.available()
