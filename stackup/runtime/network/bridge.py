"""The bridge driver: a network is a namespace that holds a bridge; containers and the host are plugged into it.

The uplink is one veth pair between that namespace and the host. An internal network has none, so its isolation is the
topology and not a rule. The host sees one link a network and its subnet's route; deleting the link (synchronous) and
the pin removes everything else, since the kernel takes the bridge, its ports and its rules along.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from stackup.errors import KernelError, StackupError
from stackup.kernel import netlink, netns, nftables
from stackup.kernel.netlink import Channel, VethPeer
from stackup.runtime.network import claims, foreign, pools, rules
from stackup.runtime.network.driver import Network, link_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stackup.runtime.network.claims import HostClaims, NetworkClaim
    from stackup.runtime.network.driver import Endpoint, NetworkSpec
    from stackup.values import Data

LEAVING = 0x7375
"""The group of links that are being deleted; theirs alone, since only stackup makes links in a network's namespace."""
FORWARDING = "net/ipv4/ip_forward"
_INSIDE_SETTINGS = (
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    (FORWARDING, "1"),
    ("net/ipv4/conf/all/rp_filter", "1"),  # a container that sends with a foreign source address is not forwarded
)


class Bridge:
    """Implements `driver.Driver`. `run_dir` holds the host's claims; `foreign_rules` is the user's permission."""

    def __init__(self, run_dir: str, *, foreign_rules: bool = True) -> None:
        self.run_dir = run_dir
        self.foreign_rules = foreign_rules

    def validate(self, spec: NetworkSpec) -> None:
        held = claims.read(self.run_dir)
        if spec["subnet"]:
            link = link_name(spec["stack"], f"network/{spec['name']}")
            pools.check_subnet(spec["subnet"], _others(held, link))

    def create(self, spec: NetworkSpec) -> Network:
        with claims.changing(self.run_dir, f'making network "{spec["name"]}"') as held:
            network = _claim(spec, held)
            if network["uplink"] and "forwarding" not in held and netns.read_sysctl(FORWARDING) == "0":
                held["forwarding"] = "0"
            closed = "forwarding" in held
        _build(network)
        if network["uplink"]:
            self._open_host(network, closed=closed)
        return network

    def _open_host(self, network: Network, *, closed: bool) -> None:
        """The table first, then forwarding: there is no moment at which the host forwards for others."""
        requests = nftables.whole(rules.host_table(closed=closed))
        requests.append(nftables.add_elements(rules.HOST, rules.UPLINKS, [((network["link"],), ())]))
        with nftables.open_channel() as channel:
            nftables.apply(channel, requests)
            netns.write_sysctl(FORWARDING, "1")
            wanted = foreign.places(channel) if self.foreign_rules else []
            if wanted:
                with claims.changing(self.run_dir, "adding rules to foreign chains") as held:
                    before = held.get("foreign", [])
                    held["foreign"] = before + [place for place in wanted if place not in before]
                foreign.open_chains(channel, wanted)

    def attach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        with _inside(network) as ns_fd, ExitStack() as opened:
            fds: list[int] = []
            for endpoint in endpoints:
                fds.append(netns.open_pin(endpoint["pin_file"]))
                opened.callback(os.close, fds[-1])
            _set_members(network, ns_fd, endpoints)
            outcomes = _plug(network, ns_fd, endpoints, fds)
            for place, (endpoint, fd) in enumerate(zip(endpoints, fds, strict=True)):
                if outcomes[place] is None:
                    outcomes[place] = _configure(network, endpoint, fd)
            return outcomes

    def detach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        if not netns.is_pinned(network["pin_file"]):
            return [None] * len(endpoints)
        with _inside(network) as ns_fd, Channel(ns_fd=ns_fd) as channel:
            names = [link_name(endpoint["stack"], endpoint["key"]) for endpoint in endpoints]
            outcomes = channel.perform([netlink.set_group(name, LEAVING) for name in names])
            channel.require([netlink.delete_group(LEAVING)], (errno.ENODEV,))
            _set_members(network, ns_fd, (), gone=names)
            return [None if error and error.errno == errno.ENODEV else error for error in outcomes]

    def observe(self, network: Network) -> Data:
        if not netns.is_pinned(network["pin_file"]):
            return {"present": False}
        with _inside(network) as ns_fd, Channel(ns_fd=ns_fd) as channel:
            links = netlink.links(channel)
            addresses = netlink.addresses(channel)
        bridge = links.get(rules.BRIDGE_LINK, {})
        facts: Data = {
            "present": True,
            "bridge": bool(bridge.get("up")),
            "gateway": next((text for index, text in addresses if index == bridge.get("index")), ""),
            "internal": rules.UPLINK_LINK not in links,
        }
        facts["members"] = [*sorted(name for name, link in links.items() if link["master"] and link["up"])]
        if network["uplink"]:
            facts.update(_observe_uplink(network))
        return facts

    def remove(self, network: Network) -> list[StackupError]:
        """The uplink first: any socket that is still open inside would keep the namespace and its end alive."""
        problems: list[StackupError] = []
        with Channel() as channel, nftables.open_channel() as tables:
            if network["uplink"]:
                _collect(problems, lambda: _forget_uplink(tables, network["link"]))
                gone = (errno.ENODEV,)
                _collect(problems, lambda: channel.require([netlink.delete_link(network["link"])], gone))
            _collect(problems, lambda: netns.remove(network["pin_file"]))
            if not problems:
                _collect(problems, lambda: self._release(tables, network["link"]))
        return problems

    def _release(self, tables: Channel, link: str) -> None:
        """Gives up the claim; the last uplink to go puts the host back as it was."""
        with claims.changing(self.run_dir, "removing a network") as held:
            held["networks"].pop(link, None)
            if any(claim["uplink"] for claim in held["networks"].values()):
                return
            foreign.close_chains(tables, held.get("foreign", []))
            held.pop("foreign", None)
            if "forwarding" in held:
                netns.write_sysctl(FORWARDING, held["forwarding"])
                del held["forwarding"]
            if (nftables.IP, rules.TABLE) in nftables.tables(tables):
                nftables.apply(tables, [nftables.delete_table(nftables.IP, rules.TABLE)])


def _others(held: HostClaims, link: str) -> dict[str, str]:
    return {
        claim["subnet"]: f'network "{claim["name"]}" of stack "{claim["stack"]}"'
        for name, claim in held["networks"].items()
        if name != link
    }


def _claim(spec: NetworkSpec, held: HostClaims) -> Network:
    """Subnet and uplink: those asked for, else those claimed before, else free ones."""
    link = link_name(spec["stack"], f"network/{spec['name']}")
    others = _others(held, link)
    before = held["networks"].get(link)
    subnet = spec["subnet"] or (before["subnet"] if before else "")
    if subnet:
        pools.check_subnet(subnet, others)
    else:
        subnet = pools.choose_subnet([*others, *_routed()])
    uplink = [] if spec["internal"] else (before["uplink"] if before else [])
    if not uplink and not spec["internal"]:
        pairs = [f"{claim['uplink'][0]}/31" for name, claim in held["networks"].items() if claim["uplink"]]
        uplink = list(pools.choose_uplink([*pairs, *_routed()]))
    claim: NetworkClaim = {"stack": spec["stack"], "name": spec["name"], "subnet": subnet, "uplink": uplink}
    held["networks"][link] = claim
    gateway = spec["gateway"] or pools.gateway_of(subnet)
    return Network({**spec, "subnet": subnet, "gateway": gateway, "link": link, "uplink": uplink})


def _routed() -> list[str]:
    """Everything that the host routes already, in any table."""
    with Channel() as channel:
        return [str(route["target"]) for route in netlink.routes(channel)]


@contextmanager
def _inside(network: Network) -> Iterator[int]:
    """The network's namespace as a descriptor."""
    ns_fd = netns.open_pin(network["pin_file"])
    try:
        yield ns_fd
    finally:
        os.close(ns_fd)


def _build(network: Network) -> None:
    netns.create(network["pin_file"])
    with _inside(network) as ns_fd:
        with netns.Inside(ns_fd):
            netns.ease_sysctls(_INSIDE_SETTINGS)
        _build_bridge(network, ns_fd)
        if network["uplink"]:
            _build_uplink(network, ns_fd)
        requests = nftables.whole(rules.NETWORK_MEMBERS)
        if network["uplink"]:
            requests += nftables.whole(rules.network_table(network["gateway"], network["uplink"][0]))
        with nftables.open_channel(ns_fd) as channel:
            nftables.apply(channel, requests)


def _build_bridge(network: Network, ns_fd: int) -> None:
    mac = pools.mac_of(network["gateway"])
    with Channel(ns_fd=ns_fd) as channel:
        channel.require([netlink.add_bridge(rules.BRIDGE_LINK, mac, network["mtu"])], (errno.EEXIST,))
        index = netlink.index_of(rules.BRIDGE_LINK, ns_fd)
        channel.require([netlink.add_address(index, network["gateway"], pools.prefix_of(network["subnet"]))])


def _build_uplink(network: Network, ns_fd: int) -> None:
    link, (host_end, network_end) = network["link"], network["uplink"]
    with Channel() as channel, Channel(ns_fd=ns_fd) as within:
        if not netlink.index_of(link) or not netlink.index_of(rules.UPLINK_LINK, ns_fd):
            channel.perform([netlink.delete_link(link)])
            peer = VethPeer(rules.UPLINK_LINK, ns_fd)
            channel.require([netlink.add_veth(link, peer, mtu=network["mtu"])])
        settings = ((f"net/ipv4/conf/{link}/route_localnet", "1"), (f"net/ipv6/conf/{link}/disable_ipv6", "1"))
        netns.ease_sysctls(settings)
        near, far = netlink.index_of(link), netlink.index_of(rules.UPLINK_LINK, ns_fd)
        within.require(
            [
                netlink.link_up(far),
                netlink.add_address(far, network_end, 31),
                netlink.set_route("default", via=host_end, index=far),
            ]
        )
        route = netlink.set_route(network["subnet"], via=network_end, index=near)
        channel.require([netlink.add_address(near, host_end, 31), route])


def _set_members(network: Network, ns_fd: int, endpoints: Sequence[Endpoint], gone: Sequence[str] = ()) -> None:
    """Which port may send as whom; elements of these ports that are no longer true go in the same transaction."""
    wanted = {
        (link_name(endpoint["stack"], endpoint["key"]), _mac(endpoint), endpoint["address"]) for endpoint in endpoints
    }
    ports = {key[0] for key in wanted} | set(gone)
    with nftables.open_channel(ns_fd) as channel:
        known = nftables.elements(channel, rules.NETWORK_MEMBERS, rules.MEMBERS)
        stale = [key for key in known if key[0] in ports and key not in wanted]
        requests = []
        if stale:
            requests.append(nftables.delete_elements(rules.NETWORK_MEMBERS, rules.MEMBERS, stale))
        if wanted:
            added = [(key, ()) for key in sorted(wanted)]
            requests.append(nftables.add_elements(rules.NETWORK_MEMBERS, rules.MEMBERS, added))
        if requests:
            nftables.apply(channel, requests)


def _mac(endpoint: Endpoint) -> str:
    return endpoint["mac"].lower() or pools.mac_of(endpoint["address"])


def _plug(network: Network, ns_fd: int, endpoints: Sequence[Endpoint], fds: Sequence[int]) -> list[StackupError | None]:
    """All veth pairs in one batch; a pair that is there and leads to the right container stays."""
    master = netlink.index_of(rules.BRIDGE_LINK, ns_fd)
    requests = [
        netlink.add_veth(
            link_name(endpoint["stack"], endpoint["key"]),
            VethPeer(endpoint["link"], fd, _mac(endpoint)),
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
        found = netlink.links(inside).get(endpoint["link"])
    if found and found["mac"] == _mac(endpoint):
        return None
    channel.perform([netlink.delete_link(request.subject)])
    return channel.perform([request])[0]


def _configure(network: Network, endpoint: Endpoint, fd: int) -> KernelError | None:
    """Address and routes inside the container: one batch."""
    index = netlink.index_of(endpoint["link"], fd)
    prefix = pools.prefix_of(network["subnet"])
    requests = [netlink.link_up(index), netlink.add_address(index, endpoint["address"], prefix)]
    gateway = network["gateway"] if network["uplink"] else ""
    if endpoint["default"] and gateway:
        requests.append(netlink.set_route("default", via=gateway, index=index))
    if endpoint["table"]:
        table = endpoint["table"]
        requests.append(netlink.set_route(network["subnet"], index=index, table=table))
        if gateway:
            requests.append(netlink.set_route("default", via=gateway, index=index, table=table))
        requests.append(netlink.add_rule(endpoint["address"], table, table))
    with Channel(ns_fd=fd) as channel:
        failures = [error for error in channel.perform(requests) if error and error.errno != errno.EEXIST]
    return failures[0] if failures else None


def _observe_uplink(network: Network) -> Data:
    with Channel() as channel, nftables.open_channel() as tables:
        link = netlink.links(channel).get(network["link"], {})
        routed = any(
            route["target"] == network["subnet"] and route["index"] == link.get("index")
            for route in netlink.routes(channel)
        )
        admitted = (network["link"],) in nftables.elements(tables, rules.HOST, rules.UPLINKS)
    return {"uplink": bool(link.get("up")), "routed": routed, "admitted": admitted}


def _forget_uplink(tables: Channel, link: str) -> None:
    if (link,) in nftables.elements(tables, rules.HOST, rules.UPLINKS):
        nftables.apply(tables, [nftables.delete_elements(rules.HOST, rules.UPLINKS, [(link,)])])


def _collect(problems: list[StackupError], step: Callable[[], None]) -> None:
    try:
        step()
    except StackupError as problem:
        problems.append(problem)
