"""Containers into and out of a network's namespace: a batch of links, the set of who may send as whom, routes inside.

One netlink batch for all endpoints of a call, then one small batch in each container's namespace; RTNL serialises, so
threads would gain nothing. What is there already and right stays untouched, also its connections.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from stackup.errors import HostError, KernelError
from stackup.kernel import netlink, netns, nftables, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.kernel.rtnetlink import VethPeer
from stackup.runtime.network import families, pools, rules
from stackup.runtime.network.driver import link_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.errors import StackupError
    from stackup.kernel.nftexpr import Value
    from stackup.runtime.network.driver import Endpoint, Network
    from stackup.runtime.network.families import Side
    from stackup.values import Data

_AT_ONCE = 48
_SIX = (("accept_dad", "0"), ("accept_ra", "0"), ("addr_gen_mode", "0"), ("disable_ipv6", "0"))
"""Addresses are ours to give and unique: nothing is asked around, nothing is learned, and a link is usable at once."""
LEAVING = 0x7375
"""The group of links that are being deleted; theirs alone, since only stackup makes links in a network's namespace."""


def port_of(endpoint: Endpoint) -> str:
    """The name of the network's end of a container's link."""
    return link_name(endpoint["stack"], endpoint["key"])


def mac_of(endpoint: Endpoint) -> str:
    return endpoint["mac"].lower() or pools.mac_of(endpoint["address"] or endpoint["address6"])


def plug_in(network: Network, ns_fd: int, endpoints: Sequence[Endpoint], *, tables: bool) -> list[StackupError | None]:
    """A few dozen at a time, since each holds a descriptor and a shell's limit may be 256."""
    outcomes: list[StackupError | None] = []
    for start in range(0, len(endpoints), _AT_ONCE):
        outcomes += _plug_group(network, ns_fd, endpoints[start : start + _AT_ONCE], tables)
    return outcomes


def _plug_group(network: Network, ns_fd: int, endpoints: Sequence[Endpoint], tables: bool) -> list[StackupError | None]:
    with ExitStack() as opened:
        fds: list[int] = []
        for endpoint in endpoints:
            fds.append(netns.open_pin(endpoint["pin_file"]))
            opened.callback(os.close, fds[-1])
        outcomes, there = _link_up(network, ns_fd, endpoints, fds)
        if tables:
            plugged = [one for one, problem in zip(endpoints, outcomes, strict=True) if problem is None]
            _let_speak(ns_fd, [one for one in plugged if port_of(one) not in there])
            _set_members(ns_fd, [one for one in plugged if port_of(one) in there])
        for place, (endpoint, fd) in enumerate(zip(endpoints, fds, strict=True)):
            if outcomes[place] is None:
                outcomes[place] = configure(network, endpoint, fd)
        return outcomes


def leave(pin_file: str, link: str, table: int, addresses: Sequence[str]) -> None:
    """From the container's side, also when the network itself is gone: its link, and the rules for its addresses."""
    if not netns.is_pinned(pin_file):
        return
    fd = netns.open_pin(pin_file)
    try:
        with Channel(ns_fd=fd) as channel:
            rules_gone = [rtnetlink.delete_rule(address, table, table) for address in addresses if address and table]
            channel.require(rules_gone, (errno.ENOENT,))
            channel.require([rtnetlink.delete_link(link)], (errno.ENODEV,))
    finally:
        os.close(fd)


def pull_out(ns_fd: int, endpoints: Sequence[Endpoint], *, tables: bool) -> list[StackupError | None]:
    names = [port_of(endpoint) for endpoint in endpoints]
    if tables:
        _set_members(ns_fd, (), gone=names)  # before the links: one that is not there has nothing in the set
    with Channel(ns_fd=ns_fd) as channel:
        outcomes = channel.perform([rtnetlink.set_group(name, LEAVING) for name in names])
        channel.require([rtnetlink.delete_group(LEAVING)], (errno.ENODEV,))
    return [None if error and error.errno == errno.ENODEV else error for error in outcomes]


def observe(ns_fd: int, endpoint: Endpoint) -> Data:
    """`plugged`: its port is up on the bridge; `address`: what its link has inside, empty when there is none."""
    with Channel(ns_fd=ns_fd) as channel:
        port = rtnetlink.links(channel).get(port_of(endpoint), {})
    if not netns.is_pinned(endpoint["pin_file"]):
        return {"plugged": False, "address": ""}
    fd = netns.open_pin(endpoint["pin_file"])
    try:
        with Channel(ns_fd=fd) as inside:
            index = rtnetlink.links(inside).get(endpoint["link"], {}).get("index")
            address = next((text for link, text in rtnetlink.addresses(inside) if link == index), "")
    finally:
        os.close(fd)
    return {"plugged": bool(port.get("up") and port.get("master")), "address": address.partition("/")[0]}


def _keys(endpoints: Sequence[Endpoint]) -> dict[str, set[tuple[Value, ...]]]:
    """Who sends as whom, by set."""
    wanted: dict[str, set[tuple[Value, ...]]] = {rules.MEMBERS: set(), rules.MEMBERS6: set()}
    for endpoint in endpoints:
        for address in _spoken(endpoint):
            name = rules.MEMBERS6 if ":" in address else rules.MEMBERS
            wanted[name].add((port_of(endpoint), mac_of(endpoint), address))
    return wanted


def _let_speak(ns_fd: int, endpoints: Sequence[Endpoint]) -> None:
    """Ports that were not there have nothing in the set, so that nobody reads what all the others have."""
    requests: list[netlink.Request] = []
    for name, keys in _keys(endpoints).items():
        requests += nftables.add_elements(rules.NETWORK_MEMBERS, name, [(key, ()) for key in sorted(keys)])
    with nftables.open_channel(ns_fd) as channel:
        nftables.apply(channel, requests)


def _set_members(ns_fd: int, endpoints: Sequence[Endpoint], gone: Sequence[str] = ()) -> None:
    """The same where ports were there; elements of theirs that are no longer true go in the same transaction."""
    if not endpoints and not gone:
        return
    wanted = _keys(endpoints)
    ports = {port_of(endpoint) for endpoint in endpoints} | set(gone)
    with nftables.open_channel(ns_fd) as channel:
        requests: list[netlink.Request] = []
        for name, keys in wanted.items():
            known = nftables.elements(channel, rules.NETWORK_MEMBERS, name)
            stale = [key for key in known if key[0] in ports and key not in keys]
            requests += nftables.delete_elements(rules.NETWORK_MEMBERS, name, stale)
            requests += nftables.add_elements(rules.NETWORK_MEMBERS, name, [(key, ()) for key in sorted(keys)])
        nftables.apply(channel, requests)


def _spoken(endpoint: Endpoint) -> list[str]:
    """Every address that it may send from; with IPv6 also the one that the kernel makes of its MAC."""
    own = [endpoint["address"], endpoint["address6"], *endpoint["link_local"]]
    six = [pools.link_local_of(mac_of(endpoint))] if _has_six(endpoint) else []
    return [address for address in (*own, *six) if address]


def _has_six(endpoint: Endpoint) -> bool:
    return any(":" in address for address in (endpoint["address6"], *endpoint["link_local"]))


def _link_up(
    network: Network, ns_fd: int, endpoints: Sequence[Endpoint], fds: Sequence[int]
) -> tuple[list[StackupError | None], set[str]]:
    """All veth pairs in one batch, and the ports that were there: one that leads to the right container stays."""
    master = rtnetlink.index_of(rules.BRIDGE_LINK, ns_fd)
    requests = [
        rtnetlink.add_veth(
            port_of(endpoint),
            VethPeer(endpoint["link"], fd, mac_of(endpoint)),
            master=master,
            mtu=endpoint["mtu"] or network["mtu"],
        )
        for endpoint, fd in zip(endpoints, fds, strict=True)
    ]
    with Channel(ns_fd=ns_fd) as channel:
        outcomes: list[StackupError | None] = []
        there: set[str] = set()
        for endpoint, fd, request, error in zip(endpoints, fds, requests, channel.perform(requests), strict=True):
            if error and error.errno == errno.EEXIST:
                there.add(port_of(endpoint))
                outcomes.append(_adopt(channel, endpoint, fd, request))
            elif error and error.errno == errno.EXFULL:
                outcomes.append(_full(network))
            else:
                outcomes.append(error)
        if network["apart"]:
            apart = channel.perform([rtnetlink.isolate_port(port_of(endpoint)) for endpoint in endpoints])
            outcomes = [before or after for before, after in zip(outcomes, apart, strict=True)]
        return outcomes, there


def _full(network: Network) -> StackupError:
    return HostError(
        f'network "{network["name"]}" is full: the kernel gives a bridge 1,023 ports',
        subject=network["name"],
        hint="divide the services among several networks",
        code="network-full",
    )


def _adopt(channel: Channel, endpoint: Endpoint, fd: int, request: netlink.Request) -> StackupError | None:
    """The name is taken by a leftover: right already, or replaced."""
    with Channel(ns_fd=fd) as inside:
        found = rtnetlink.links(inside).get(endpoint["link"])
    if found and found["mac"] == mac_of(endpoint) and port_of(endpoint) in rtnetlink.links(channel):
        return None
    channel.perform([rtnetlink.delete_link(port_of(endpoint))])
    return channel.perform([request])[0]


def configure(network: Network, endpoint: Endpoint, fd: int) -> KernelError | None:
    """Settings, addresses and routes inside the container: one batch."""
    index = rtnetlink.index_of(endpoint["link"], fd)
    if _has_six(endpoint) or endpoint["sysctls"]:
        with netns.Inside(fd):
            if _has_six(endpoint):
                netns.ease_sysctls(tuple((f"net/ipv6/conf/{endpoint['link']}/{name}", said) for name, said in _SIX))
            try:
                for path, value in endpoint["sysctls"]:
                    netns.write_sysctl(path, value)
            except KernelError as problem:
                return problem
    requests = [rtnetlink.link_up(index)]
    for side in families.sides(network):
        requests += _side(side, endpoint, index)
    requests += [rtnetlink.add_address(index, one, 64 if ":" in one else 16) for one in endpoint["link_local"]]
    with Channel(ns_fd=fd) as channel:
        failures = [error for error in channel.perform(requests) if error and error.errno != errno.EEXIST]
    return failures[0] if failures else None


def _side(side: Side, endpoint: Endpoint, index: int) -> list[netlink.Request]:
    """One family's address and routes."""
    table, gateway = endpoint["table"], side.way_out
    address = endpoint["address6"] if side.six else endpoint["address"]
    default = endpoint["default6"] if side.six else endpoint["default"]
    requests = [rtnetlink.add_address(index, address, side.prefix)]
    if default and gateway:
        requests.append(rtnetlink.set_route("default", via=gateway, index=index))
    if table:
        requests.append(rtnetlink.set_route(side.subnet, index=index, table=table))
        if gateway:
            requests.append(rtnetlink.set_route("default", via=gateway, index=index, table=table))
        requests.append(rtnetlink.add_rule(address, table, table))
    return requests
