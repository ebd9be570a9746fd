"""What the host holds of us, only looked at: uplinks let through, subnets routed, ports that lead where they should.

Hot: a no-op `up` asks it, since a flushed table is drift like any other.
"""

from __future__ import annotations

from stackup.kernel import netlink, netns, nftables, rtnetlink
from stackup.runtime.network import rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.kernel.netlink import Channel
    from stackup.kernel.nftables import Element
    from stackup.kernel.nftexpr import Value
    from stackup.runtime.network.ports import Published

    Values = tuple[Value, ...]


MAPS = (
    (rules.HOST, rules.ANYWHERE, rules.SHARED),
    (rules.HOST, rules.AT_ADDRESS, rules.SHARED_AT),
    (rules.HOST6, rules.ANYWHERE, rules.SHARED),
    (rules.HOST6, rules.AT_ADDRESS, rules.SHARED_AT),
)
"""Table, the map of ports that lead to one container, and that of the slots of ports that lead to several."""


def element(port: Published) -> tuple[int, Element] | None:
    """Which of `MAPS`, and its element. None where the monitor serves: from one family to the other, and [::1]."""
    six = ":" in port["address"]
    key, value = (port["protocol"], port["port"]), (port["address"], port["target"])
    if port["host_ip"] in {"", "::" if six else "0.0.0.0"}:
        return 2 * six, (key, value)
    if (":" in port["host_ip"]) != six or port["host_ip"] == "::1":
        return None
    return 2 * six + 1, ((port["host_ip"], *key), value)


def targets(channel: Channel, place: int) -> dict[Values, list[Values]]:
    """Where each port of one of `MAPS` leads: its only container, or those in its slots, in their order."""
    table, single, shared = MAPS[place]
    found = {key: [value] for key, value in nftables.elements(channel, table, single).items()}
    for key, value in sorted(nftables.elements(channel, table, shared).items()):
        known = found.setdefault(key[:-1], [])
        if value not in known:
            known.append(value)
    return found


def observe(ports: Sequence[Published]) -> list[bool]:
    """For each: whether the kernel has its element as it should be. What the monitor serves counts as published."""
    held = [element(port) for port in ports]
    with nftables.open_channel() as channel:
        known = {place: targets(channel, place) for place in {one[0] for one in held if one}}
    return [one is None or one[1][1] in known[one[0]].get(one[1][0], ()) for one in held]


def admitted(links: Sequence[str], links6: Sequence[str] = ()) -> bool:
    """Whether the host forwards, and its tables let all these uplinks through."""
    switches = ((links, "net/ipv4/ip_forward"), (links6, "net/ipv6/conf/all/forwarding"))
    if any(names and netns.read_sysctl(switch) != "1" for names, switch in switches):
        return False
    with nftables.open_channel() as channel:
        known = nftables.elements(channel, rules.HOST, rules.UPLINKS) if links else {}
        known6 = nftables.elements(channel, rules.HOST6, rules.UPLINKS) if links6 else {}
    return all((link,) in known for link in links) and all((link,) in known6 for link in links6)


def routed(subnets: Sequence[str]) -> bool:
    """Whether the host has a route to each of these."""
    with netlink.Channel() as channel:
        targets = {route["target"] for route in rtnetlink.routes(channel)} if subnets else set()
    return targets.issuperset(subnets)


def available() -> bool:
    """Without nf_tables there is no table of ours to look at."""
    return nftables.available()
