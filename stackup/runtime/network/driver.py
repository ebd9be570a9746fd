"""What a network driver does, and the plain data that goes in and out of it.

Six verbs. `validate` touches nothing; `create` and `attach` adopt half-made leftovers of their own and fail on the
first error; `detach` and `remove` succeed when the thing is gone and collect what goes wrong; `observe` asks the
kernel. Every name on the host is made of the stack and the address, so that a second run finds what a crashed one made.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.errors import StackupError
    from stackup.runtime.network.addressing import HostRoutes
    from stackup.values import Data


class NetworkSpec(TypedDict):
    """What is wanted. Empty subnets and gateways are chosen; `pin_file` is where the network's namespace is pinned."""

    stack: str
    name: str
    """The network's name in its stack."""
    pin_file: str
    driver: str
    internal: bool
    ipv4: bool
    ipv6: bool
    subnet: str
    gateway: str
    subnet6: str
    gateway6: str
    mtu: int
    """0: the kernel's own."""
    link_name: str
    """What the host's end of the uplink is called; empty: a name made of stack and network."""
    parent: str
    """macvlan, ipvlan: the host's link that containers are on."""
    mode: str
    """Theirs; empty: bridge, or l2."""
    apart: bool
    """Containers reach the outside and not each other."""
    masquerade: bool
    """What goes out has the host's address."""
    binding: str
    """Where ports are published that name no address; empty: everywhere."""


class Network(NetworkSpec):
    """What was made, to be recorded: the spec with nothing left open. Feeding it to `create` makes the same again."""

    link: str
    """The uplink's name on the host."""
    uplink: list[str]
    """The host's end (what `host-gateway` means) and the network's end; empty without IPv4 and when internal."""
    uplink6: list[str]


class Endpoint(TypedDict):
    """One container's place on one network."""

    stack: str
    """The container's stack, which need not be the network's."""
    key: str
    """The container's address as text, `container/web#1`."""
    pin_file: str
    """Where the container's own namespace is pinned."""
    link: str
    """The interface's name inside, `eth0`."""
    address: str
    address6: str
    """Empty on a network without that family."""
    mac: str
    """Empty: made of the address."""
    default: bool
    default6: bool
    """Whether the default route, of each family, goes through this network."""
    link_local: list[str]
    """Further addresses that are good on this link only."""
    mtu: int
    """0: the network's."""
    sysctls: list[list[str]]
    """[path below /proc/sys, value], written in the container's namespace."""
    table: int
    """Routing table for replies from this address, for containers on several networks; 0: none."""


class Driver(Protocol):
    def validate(self, spec: NetworkSpec) -> None:
        """Raises StackupError when the spec cannot be made on this host."""

    def create(self, spec: NetworkSpec, routes: HostRoutes | None = None) -> Network:
        """`routes`: one look at the host's, for all that are made together."""

    def half_made(self, spec: NetworkSpec) -> Network:
        """What a `create` that was killed may have made, to be removed."""

    def attach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        """One batch for all; the outcome of each, in order."""

    def detach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        """One call for many: the kernel waits 15 to 20 ms a call, not a link."""

    def observe(self, network: Network) -> Data:
        """Live facts; `present` is false when there is nothing."""

    def remove(self, networks: Sequence[Network]) -> list[StackupError | None]:
        """One call for many, as with `detach`; the outcome of each, in order."""


def link_name(stack: str, address: str) -> str:
    """14 of the 15 bytes that a link's name may have."""
    return "su" + hashlib.sha256(f"{stack}\0{address}".encode()).hexdigest()[:12]
