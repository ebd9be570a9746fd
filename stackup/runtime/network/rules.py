"""The nftables tables that stackup owns, as data: one on the host, one in each network, one in each container.

The host's table knows uplinks and published ports; both are elements, so networks and ports come and go in place while
the rules stay. A packet for a published port is translated once, on the host, straight to the container: the host has a
route to the network's subnet through its uplink, and the forward chain lets in only what was translated.
"""

from __future__ import annotations

from stackup.kernel.nftables import (
    ADDRESS,
    BRIDGE,
    FORWARD,
    IP,
    LINK,
    MAC,
    OUTPUT,
    PORT,
    POSTROUTING,
    PREROUTING,
    PROTOCOL,
    Chain,
    Set,
    Table,
)
from stackup.runtime.network.dns import RESOLVER_ADDRESS, RESOLVER_PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.kernel.nftexpr import Rule

TABLE = "stackup"
UPLINKS, ANYWHERE, AT_ADDRESS, MEMBERS = "uplinks", "published", "published_at", "members"
BRIDGE_LINK, UPLINK_LINK = "bridge", "uplink"
FOREIGN_COMMENT = "stackup"

_RAW, _DNAT, _FILTER, _SNAT = -300, -100, 0, 100
_TARGET = (ADDRESS, PORT)

_PUBLISHED: tuple[Rule, ...] = (
    (("dnat_map", AT_ADDRESS, True),),
    (("destination_local",), ("dnat_map", ANYWHERE)),
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
    (("iif_in", UPLINKS), ("masquerade",)),
    (("oif_in", UPLINKS), ("source", "127.0.0.0/8"), ("masquerade",)),
)


def host_table(*, closed: bool) -> Table:
    """`closed`: stackup turned forwarding on, so nothing but its own traffic is forwarded."""
    return Table(
        IP,
        TABLE,
        (
            Set(UPLINKS, (LINK,)),
            Set(ANYWHERE, (PROTOCOL, PORT), _TARGET),
            Set(AT_ADDRESS, (ADDRESS, PROTOCOL, PORT), _TARGET),
        ),
        (
            Chain("guard", "filter", PREROUTING, _RAW, _LOOPBACK_GUARD),
            Chain("arriving", "nat", PREROUTING, _DNAT, _PUBLISHED),
            Chain("local", "nat", OUTPUT, _DNAT, _PUBLISHED),
            Chain("forward", "filter", FORWARD, _FILTER, _FORWARD + (_CLOSED if closed else ())),
            Chain("leaving", "nat", POSTROUTING, _SNAT, _MASQUERADE),
        ),
    )


HOST = host_table(closed=False)
"""For elements: they do not depend on the rules."""


def network_table(gateway: str, host_end: str) -> Table:
    """In a network's namespace: who talks to the gateway's address means the host."""
    rules: tuple[Rule, ...] = tuple(
        (("iif", BRIDGE_LINK), ("destination", gateway), ("protocol", protocol), ("dnat", host_end))
        for protocol in ("tcp", "udp")
    )
    return Table(IP, TABLE, (), (Chain("gateway", "nat", PREROUTING, _DNAT, rules),))


def members_table() -> Table:
    """In a network's namespace, on the bridge: a port sends only as the MAC and the address that it was given."""
    rules: tuple[Rule, ...] = (
        (("ether_type", 0x0800), ("sender_in", MEMBERS, False), ("drop",)),
        (("ether_type", 0x0806), ("arp_sender_in", MEMBERS, False), ("drop",)),
    )
    return Table(
        BRIDGE, TABLE, (Set(MEMBERS, (LINK, MAC, ADDRESS)),), (Chain("senders", "filter", PREROUTING, _RAW, rules),)
    )


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
