"""The nftables tables that stackup owns, as data: one on the host, one in each network, one in each container.

The host's table knows uplinks and published ports; both are elements, so networks and ports come and go in place while
the rules stay. A packet for a published port is translated once, on the host, straight to the container: the host has a
route to the network's subnet through its uplink, and the forward chain lets in only what was translated.
"""

from __future__ import annotations

from stackup.kernel.nftables import (
    BRIDGE,
    FORWARD,
    IP,
    IP6,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    Chain,
    Set,
    Table,
)
from stackup.kernel.nftexpr import NUMGEN, modules
from stackup.kernel.nftkeys import ADDRESS, ADDRESS6, LINK, MAC, NUMBER, PORT, PROTOCOL
from stackup.runtime.network.dns import RESOLVER_ADDRESS, RESOLVER_PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.kernel.nftexpr import Rule

TABLE = "stackup"
UPLINKS, PLAIN, ANYWHERE, AT_ADDRESS = "uplinks", "unmasked", "published", "published_at"
SHARED, SHARED_AT, SLOTS = "shared", "shared_at", 64
"""Where several replicas are behind one port: each has its part of the slots, and a connection takes the next slot."""
MEMBERS, MEMBERS6 = "members", "members6"
BRIDGE_LINK, UPLINK_LINK = "bridge", "uplink"
FOREIGN_COMMENT = "stackup"

_RAW, _DNAT, _FILTER, _SNAT = -300, -100, 0, 100
_NEIGHBOUR_ADVERTISEMENT, _ROUTER_ADVERTISEMENT, _REDIRECT = 136, 134, 137

_PUBLISHED: tuple[Rule, ...] = (
    (("dnat_map", SHARED_AT, True, SLOTS),),
    (("destination_local",), ("dnat_map", SHARED, False, SLOTS)),
    (("dnat_map", AT_ADDRESS, True),),
    (("destination_local",), ("dnat_map", ANYWHERE)),
)
_PUBLISHED6: tuple[Rule, ...] = (
    # The kernel has no `route_localnet` for IPv6: what is sent to [::1] stays here and the monitor's socket serves it.
    (("destination", "::1/128"), ("accept",)),
    (("dnat_map6", SHARED_AT, True, SLOTS),),
    (("destination_local",), ("dnat_map6", SHARED, False, SLOTS)),
    (("dnat_map6", AT_ADDRESS, True),),
    (("destination_local",), ("dnat_map6", ANYWHERE)),
)
_NOT_HERE: tuple[Rule, ...] = (
    # Translating comes before routing, which would refuse what arrives for 127/8 from elsewhere: a neighbour could send
    # 127.0.0.1 to us as its router and be in (CVE-2025-54388). What this host itself sends there never arrives.
    (("destination", "127.0.0.0/8"), ("accept",)),
)
_LOOPBACK_GUARD: tuple[Rule, ...] = (
    # `route_localnet` is on for uplinks, so that a port on 127.0.0.1 can be translated. Replies carry the uplink's own
    # address at this early hook; only a container that aims at the host's loopback carries 127/8.
    (("iif_in", UPLINKS), ("destination", "127.0.0.0/8"), ("drop",)),
)
_FORWARD: tuple[Rule, ...] = (
    (("known",), ("accept",)),
    (("iif_in", UPLINKS), ("oif_in", UPLINKS, False), ("accept",)),
    (("oif_in", UPLINKS), ("translated",), ("accept",)),
    (("oif_in", UPLINKS), ("drop",)),
)
_CLOSED: tuple[Rule, ...] = ((("drop",),),)
_MASQUERADE: tuple[Rule, ...] = (
    # What came from a network leaves as the host. A container that meets its own published port through the host's
    # address comes back by its own uplink and is covered too, else the reply would take a short cut past the host.
    # Networks that go out under their own addresses are the exception to the first and not to the second.
    (("iif_in", PLAIN), ("oif_in", UPLINKS, False), ("accept",)),
    (("iif_in", UPLINKS), ("masquerade",)),
    (("oif_in", UPLINKS), ("source", "127.0.0.0/8"), ("masquerade",)),
)


def host_table(*, closed: bool, shares: bool = True) -> Table:
    """`closed`: stackup turned forwarding on, so nothing but its own traffic is forwarded. `shares`: the kernel counts,
    so that it divides connections among replicas; else what is for several of them stays with the monitors' sockets.
    """
    published = _PUBLISHED if shares else _unshared(_PUBLISHED)
    return Table(
        IP,
        TABLE,
        _host_sets(ADDRESS),
        (
            Chain("guard", "filter", PREROUTING, _RAW, _LOOPBACK_GUARD),
            Chain("arriving", "nat", PREROUTING, _DNAT, _NOT_HERE + published),
            Chain("local", "nat", OUTPUT, _DNAT, published),
            Chain("forward", "filter", FORWARD, _FILTER, _FORWARD + (_CLOSED if closed else ())),
            Chain("leaving", "nat", POSTROUTING, _SNAT, _MASQUERADE),
        ),
    )


def host_table6(*, closed: bool, shares: bool = True) -> Table:
    """The same for IPv6, made with the first network that has it."""
    published = _PUBLISHED6 if shares else _unshared(_PUBLISHED6)
    return Table(
        IP6,
        TABLE,
        _host_sets(ADDRESS6),
        (
            Chain("arriving", "nat", PREROUTING, _DNAT, published),
            Chain("local", "nat", OUTPUT, _DNAT, published),
            Chain("forward", "filter", FORWARD, _FILTER, _FORWARD + (_CLOSED if closed else ())),
            Chain("leaving", "nat", POSTROUTING, _SNAT, _MASQUERADE[:-1]),
        ),
    )


def _unshared(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if NUMGEN not in modules(rule))


def _host_sets(address: str) -> tuple[Set, ...]:
    target = (address, PORT)
    return (
        Set(UPLINKS, (LINK,)),
        Set(PLAIN, (LINK,)),
        Set(ANYWHERE, (PROTOCOL, PORT), target),
        Set(AT_ADDRESS, (address, PROTOCOL, PORT), target),
        Set(SHARED, (PROTOCOL, PORT, NUMBER), target),
        Set(SHARED_AT, (address, PROTOCOL, PORT, NUMBER), target),
    )


HOST, HOST6 = host_table(closed=False), host_table6(closed=False)
"""For elements: they do not depend on the rules."""


def network_table(gateway: str, host_end: str, *, apart: bool = False) -> Table:
    """In a network's namespace: who talks to the gateway's address means the host. `apart`: nobody reaches another
    container by way of the gateway, when the bridge lets nobody do so directly.
    """
    rules: tuple[Rule, ...] = tuple(
        (("iif", BRIDGE_LINK), ("destination", gateway), ("protocol", protocol), ("dnat", host_end))
        for protocol in ("tcp", "udp")
        if host_end
    )
    kept: Rule = (("iif", BRIDGE_LINK), ("oif", BRIDGE_LINK), ("drop",))
    family = IP6 if ":" in gateway else IP
    chains = [Chain("gateway", "nat", PREROUTING, _DNAT, rules)]
    if apart:
        chains.append(Chain("apart", "filter", FORWARD, _FILTER, (kept,)))
    return Table(family, TABLE, (), tuple(chains))


def members_table() -> Table:
    """In a network's namespace, on the bridge: a port sends only as the MAC and the addresses that it was given.

    Nor may it speak for others: as a neighbour it advertises its own addresses only, and it is no router. A frame
    without a source address (RFC 4862) asks whether an address is free, and nobody learns anything from it.
    """
    six: Rule = (("ether_type", 0x86DD),)
    told: Rule = (*six, ("protocol", "icmpv6"))
    rules: tuple[Rule, ...] = (
        (("ether_type", 0x0800), ("sender_in", MEMBERS, False), ("drop",)),
        (("ether_type", 0x0806), ("arp_sender_in", MEMBERS, False), ("drop",)),
        (*six, ("source", "::/128", False), ("sender6_in", MEMBERS6, False), ("drop",)),
        (*six, ("source", "::/128"), ("protocol", "icmpv6", False), ("drop",)),
        (*told, ("icmp_type", _NEIGHBOUR_ADVERTISEMENT), ("neighbour_in", MEMBERS6, False), ("drop",)),
        (*told, ("icmp_type", _ROUTER_ADVERTISEMENT), ("drop",)),
        (*told, ("icmp_type", _REDIRECT), ("drop",)),
    )
    sets = (Set(MEMBERS, (LINK, MAC, ADDRESS)), Set(MEMBERS6, (LINK, MAC, ADDRESS6)))
    return Table(BRIDGE, TABLE, sets, (Chain("senders", "filter", PREROUTING, _RAW, rules),))


NETWORK_MEMBERS = members_table()


def container_table() -> Table:
    """In a container's namespace: port 53 of the resolver's address is its high port, so that 53 itself stays free."""
    rules: tuple[Rule, ...] = tuple(
        (
            ("destination", f"{RESOLVER_ADDRESS}/32"),
            ("protocol", protocol),
            ("port", 53),
            ("dnat", RESOLVER_ADDRESS, RESOLVER_PORT),
        )
        for protocol in ("udp", "tcp")
    )
    return Table(IP, TABLE, (), (Chain("resolver", "nat", OUTPUT, _DNAT, rules),))


CONTAINER = container_table()
