"""The two families of a network, each with its subnet, its gateway and the two ends of the uplink; the same code serves
both. An IPv6 subnet that nobody names is a unique local one made of the network's own identity.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stackup.errors import KernelError, Unsupported
from stackup.kernel import netns, nftables
from stackup.runtime.network import pools, rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackup.kernel.nftables import Table
    from stackup.runtime.network.claims import HostClaims
    from stackup.runtime.network.driver import Network
    from stackup.runtime.network.pools import Block


class Side:
    """One family of one network; `ends` is the host's end and the network's end, empty for an internal network.
    `way_out` is where default routes lead, empty when there is none.
    """

    __slots__ = ("ends", "gateway", "subnet", "way_out")

    def __init__(self, subnet: str, gateway: str, ends: list[str], *, foreign: bool) -> None:
        self.way_out = gateway if ends or foreign else ""
        self.subnet = subnet
        self.gateway = gateway
        self.ends = ends

    @property
    def prefix(self) -> int:
        return pools.prefix_of(self.subnet)

    @property
    def ends_prefix(self) -> int:
        return 127 if self.six else 31

    @property
    def six(self) -> bool:
        return ":" in self.subnet


def sides(network: Network) -> list[Side]:
    """Those that the network has, IPv4 first."""
    foreign = bool(network["parent"]) and not network["internal"]
    both = (
        Side(network["subnet"], network["gateway"], network["uplink"], foreign=foreign),
        Side(network["subnet6"], network["gateway6"], network["uplink6"], foreign=foreign),
    )
    return [side for side in both if side.subnet]


class Family:
    """What the host has for one family: the switch that makes it forward, its claim's key, and the table's rules."""

    __slots__ = ("claim", "ends", "number", "switch", "table")

    def __init__(self, number: int, switch: str, claim: str, ends: str, table: Table) -> None:
        self.number = number
        self.switch = switch
        self.claim = claim
        self.ends = ends
        self.table = table


FOUR = Family(nftables.IP, "net/ipv4/ip_forward", "forwarding", "uplink", rules.HOST)
SIX = Family(nftables.IP6, "net/ipv6/conf/all/forwarding", "forwarding6", "uplink6", rules.HOST6)
FAMILIES = (FOUR, SIX)


def turned_on(held: HostClaims) -> list[str]:
    """The switches that stackup found off, and turns back when its last network goes."""
    return [family.switch.replace("/", ".") for family in FAMILIES if held.get(family.claim) is not None]


def require_six(name: str) -> None:
    """Raises Unsupported where the kernel was built or booted without IPv6."""
    try:
        netns.read_sysctl(SIX.switch)
    except KernelError as problem:
        raise Unsupported(
            f'network "{name}" asks for IPv6, which this kernel does not have',
            subject=name,
            hint="leave `enable_ipv6` out, or boot without `ipv6.disable=1`",
        ) from problem


def unique_local(identity: str, taken: Iterable[Block]) -> str:
    """A /48 of the network's own (RFC 4193), the same for the same identity unless it overlaps something taken."""
    blocks = [*taken]
    for attempt in range(256):
        digest = hashlib.sha256(f"{identity}\0{attempt}".encode()).digest()
        first = int.from_bytes(b"\xfd" + digest[:5], "big") << 80
        if not any(pools.meets((first, first + (1 << 80) - 1), block) for block in blocks):
            return f"{pools.address_text(first)}/48"
    raise pools.exhausted(["fd00::/8"], 48)


def inside_local(prefix48: str) -> tuple[str, list[str]]:
    """What a network does with its /48: the first /64 for containers, and a pair of the last for its uplink."""
    first, last = pools.bounds(prefix48)
    pair = last - (1 << 64) + 1
    return f"{pools.address_text(first)}/64", [pools.address_text(pair), pools.address_text(pair + 1)]
