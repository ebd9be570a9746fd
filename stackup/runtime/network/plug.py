"""Containers into and out of a network's namespace: a batch of links, the set of who may send as whom, routes inside.

One netlink batch for all endpoints of a call, then one small batch in each container's namespace; RTNL serialises, so
threads would gain nothing. What is there already and right stays untouched, also its connections.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from stackup.kernel import netlink, netns, nftables, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.kernel.rtnetlink import VethPeer
from stackup.runtime.network import pools, rules
from stackup.runtime.network.driver import link_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.errors import KernelError, StackupError
    from stackup.runtime.network.driver import Endpoint, Network
    from stackup.values import Data

_AT_ONCE = 48
LEAVING = 0x7375
"""The group of links that are being deleted; theirs alone, since only stackup makes links in a network's namespace."""


def port_of(endpoint: Endpoint) -> str:
    """The name of the network's end of a container's link."""
    return link_name(endpoint["stack"], endpoint["key"])


def mac_of(endpoint: Endpoint) -> str:
    return endpoint["mac"].lower() or pools.mac_of(endpoint["address"])


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
        if tables:
            _set_members(ns_fd, endpoints)
        outcomes = _link_up(network, ns_fd, endpoints, fds)
        for place, (endpoint, fd) in enumerate(zip(endpoints, fds, strict=True)):
            if outcomes[place] is None:
                outcomes[place] = _configure(network, endpoint, fd)
        return outcomes


def pull_out(ns_fd: int, endpoints: Sequence[Endpoint], *, tables: bool) -> list[StackupError | None]:
    names = [port_of(endpoint) for endpoint in endpoints]
    with Channel(ns_fd=ns_fd) as channel:
        outcomes = channel.perform([rtnetlink.set_group(name, LEAVING) for name in names])
        channel.require([rtnetlink.delete_group(LEAVING)], (errno.ENODEV,))
    if tables:
        _set_members(ns_fd, (), gone=names)
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


def _set_members(ns_fd: int, endpoints: Sequence[Endpoint], gone: Sequence[str] = ()) -> None:
    """Which port may send as whom; elements of these ports that are no longer true go in the same transaction."""
    wanted = {(port_of(endpoint), mac_of(endpoint), endpoint["address"]) for endpoint in endpoints}
    ports = {key[0] for key in wanted} | set(gone)
    with nftables.open_channel(ns_fd) as channel:
        known = nftables.elements(channel, rules.NETWORK_MEMBERS, rules.MEMBERS)
        stale = [key for key in known if key[0] in ports and key not in wanted]
        requests = nftables.delete_elements(rules.NETWORK_MEMBERS, rules.MEMBERS, stale)
        added = [(key, ()) for key in sorted(wanted)]
        requests += nftables.add_elements(rules.NETWORK_MEMBERS, rules.MEMBERS, added)
        nftables.apply(channel, requests)


def _link_up(
    network: Network, ns_fd: int, endpoints: Sequence[Endpoint], fds: Sequence[int]
) -> list[StackupError | None]:
    """All veth pairs in one batch; a pair that is there and leads to the right container stays."""
    master = rtnetlink.index_of(rules.BRIDGE_LINK, ns_fd)
    requests = [
        rtnetlink.add_veth(
            port_of(endpoint),
            VethPeer(endpoint["link"], fd, mac_of(endpoint)),
            master=master,
            mtu=network["mtu"],
        )
        for endpoint, fd in zip(endpoints, fds, strict=True)
    ]
    with Channel(ns_fd=ns_fd) as channel:
        outcomes: list[StackupError | None] = []
        for endpoint, fd, request, error in zip(endpoints, fds, requests, channel.perform(requests), strict=True):
            if error and error.errno == errno.EEXIST:
                outcomes.append(_adopt(channel, endpoint, fd, request))
            else:
                outcomes.append(error)
        return outcomes


def _adopt(channel: Channel, endpoint: Endpoint, fd: int, request: netlink.Request) -> StackupError | None:
    """The name is taken by a leftover: right already, or replaced."""
    with Channel(ns_fd=fd) as inside:
        found = rtnetlink.links(inside).get(endpoint["link"])
    if found and found["mac"] == mac_of(endpoint) and port_of(endpoint) in rtnetlink.links(channel):
        return None
    channel.perform([rtnetlink.delete_link(port_of(endpoint))])
    return channel.perform([request])[0]


def _configure(network: Network, endpoint: Endpoint, fd: int) -> KernelError | None:
    """Address and routes inside the container: one batch."""
    index = rtnetlink.index_of(endpoint["link"], fd)
    prefix = pools.prefix_of(network["subnet"])
    requests = [rtnetlink.link_up(index), rtnetlink.add_address(index, endpoint["address"], prefix)]
    gateway = network["gateway"] if network["uplink"] else ""
    if endpoint["default"] and gateway:
        requests.append(rtnetlink.set_route("default", via=gateway, index=index))
    if endpoint["table"]:
        table = endpoint["table"]
        requests.append(rtnetlink.set_route(network["subnet"], index=index, table=table))
        if gateway:
            requests.append(rtnetlink.set_route("default", via=gateway, index=index, table=table))
        requests.append(rtnetlink.add_rule(endpoint["address"], table, table))
    with Channel(ns_fd=fd) as channel:
        failures = [error for error in channel.perform(requests) if error and error.errno != errno.EEXIST]
    return failures[0] if failures else None
