"""The bridge driver: a network is a namespace that holds a bridge; containers and the host are plugged into it.

The uplink is one veth pair between that namespace and the host. An internal network has none, so its isolation is the
topology and not a rule. The host sees one link a network and its subnet's route; deleting the link (synchronous) and
the pin removes everything else, since the kernel takes the bridge, its ports and its rules along.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stackup.errors import HostError, StackupError
from stackup.kernel import netns, nftables, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.kernel.rtnetlink import VethPeer
from stackup.runtime.network import claims, foreign, plug, pools, rules
from stackup.runtime.network.driver import Network, link_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stackup.runtime.network.claims import HostClaims, NetworkClaim
    from stackup.runtime.network.driver import Endpoint, NetworkSpec
    from stackup.values import Data

FORWARDING = "net/ipv4/ip_forward"
_INSIDE_SETTINGS = (
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    (FORWARDING, "1"),
    # Frames between containers stay frames; with br_netfilter loaded, the kernel's default takes them through ip rules.
    ("net/bridge/bridge-nf-call-iptables", "0"),
)


class Bridge:
    """Implements `driver.Driver`. `run_dir` holds the host's claims; `foreign_rules` is the user's permission.

    Without `tables` (the kernel has no nf_tables) containers of a network still reach each other and the host them,
    ports are served by `PortHolder`, and nothing goes out: forwarding stays off, since nothing could limit it.
    """

    def __init__(self, run_dir: str, *, foreign_rules: bool = True, tables: bool = True) -> None:
        self.run_dir = run_dir
        self.foreign_rules = foreign_rules
        self.tables = tables

    def validate(self, spec: NetworkSpec) -> None:
        if spec["subnet"]:
            _check_ipam(spec)
            link = link_name(spec["stack"], f"network/{spec['name']}")
            pools.check_subnet(spec["subnet"], _others(claims.read(self.run_dir), link))

    def create(self, spec: NetworkSpec) -> Network:
        with claims.changing(self.run_dir, f'making network "{spec["name"]}"') as held:
            network = _claim(spec, held)
            opens = self.tables and network["uplink"]
            if opens and "forwarding" not in held and netns.read_sysctl(FORWARDING) == "0":
                held["forwarding"] = "0"
            closed = "forwarding" in held
        _build(network, tables=self.tables)
        if opens:
            self._open_host(network, closed=closed)
        return network

    def half_made(self, spec: NetworkSpec) -> Network:
        """What a `create` that was killed may have made, to be removed: the claim came before everything else."""
        link = link_name(spec["stack"], f"network/{spec['name']}")
        claim = claims.read(self.run_dir)["networks"].get(link)
        subnet, uplink = (claim["subnet"], claim["uplink"]) if claim else (spec["subnet"], [])
        return Network({**spec, "subnet": subnet, "link": link, "uplink": uplink})

    def _open_host(self, network: Network, *, closed: bool) -> None:
        """The table first, then forwarding: there is no moment at which the host forwards for others."""
        requests = nftables.whole(rules.host_table(closed=closed))
        requests += nftables.add_elements(rules.HOST, rules.UPLINKS, [((network["link"],), ())])
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
        with _inside(network) as ns_fd:
            return plug.plug_in(network, ns_fd, endpoints, tables=self.tables)

    def detach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        if not netns.is_pinned(network["pin_file"]):
            return [None] * len(endpoints)
        with _inside(network) as ns_fd:
            return plug.pull_out(ns_fd, endpoints, tables=self.tables)

    def observe_endpoints(self, network: Network, endpoints: Sequence[Endpoint]) -> list[Data]:
        """For each: `plugged` and the `address` that its link has inside."""
        if not netns.is_pinned(network["pin_file"]):
            return [{"plugged": False, "address": ""} for _ in endpoints]
        with _inside(network) as ns_fd:
            return [plug.observe(ns_fd, endpoint) for endpoint in endpoints]

    def observe(self, network: Network) -> Data:
        if not netns.is_pinned(network["pin_file"]):
            return {"present": False}
        with _inside(network) as ns_fd, Channel(ns_fd=ns_fd) as channel:
            links = rtnetlink.links(channel)
            addresses = rtnetlink.addresses(channel)
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
            facts["admitted"] = self.tables and _admitted(network["link"])
        return facts

    def remove(self, network: Network) -> list[StackupError]:
        """The uplink first: any socket that is still open inside would keep the namespace and its end alive."""
        problems: list[StackupError] = []
        link = network["link"]
        if network["uplink"]:
            if self.tables:
                _collect(problems, lambda: _forget_uplink(link))
            _collect(problems, lambda: _delete_link(link))
        _collect(problems, lambda: netns.remove(network["pin_file"]))
        if not problems:
            _collect(problems, lambda: self._release(link))
        return problems

    def _release(self, link: str) -> None:
        """Gives up the claim; the last uplink to go puts the host back as it was."""
        with claims.changing(self.run_dir, "removing a network") as held:
            held["networks"].pop(link, None)
            if self.tables and not any(claim["uplink"] for claim in held["networks"].values()):
                _close_host(held)


def _close_host(held: HostClaims) -> None:
    """Rules out of others' chains, forwarding as it was, and our table gone."""
    with nftables.open_channel() as tables:
        foreign.close_chains(tables, held.get("foreign", []))
        held.pop("foreign", None)
        if "forwarding" in held:
            netns.write_sysctl(FORWARDING, held["forwarding"])
            del held["forwarding"]
        if (nftables.IP, rules.TABLE) in nftables.tables(tables):
            nftables.apply(tables, [nftables.delete_table(nftables.IP, rules.TABLE)])


def _check_ipam(spec: NetworkSpec) -> None:
    problem = ""
    try:
        first, last = pools.bounds(spec["subnet"])
        if last - first < 3:
            problem = f'"{spec["subnet"]}" is too small for a gateway and a container'
        elif spec["gateway"] and not pools.contains(spec["subnet"], spec["gateway"]):
            problem = f'the gateway "{spec["gateway"]}" is outside "{spec["subnet"]}"'
    except (OSError, ValueError) as error:
        problem = str(error)
    if problem:
        raise HostError(problem, subject=spec["name"], hint="change `ipam.config` of the network", code="network-ipam")


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
    routed = [] if before else _routed()
    subnet = spec["subnet"] or (before["subnet"] if before else "")
    if subnet:
        pools.check_subnet(subnet, others)
    else:
        subnet = pools.choose_subnet([*others, *routed])
    uplink = [] if spec["internal"] else (before["uplink"] if before else [])
    if not uplink and not spec["internal"]:
        pairs = [f"{claim['uplink'][0]}/31" for name, claim in held["networks"].items() if claim["uplink"]]
        uplink = list(pools.choose_uplink([*pairs, *routed]))
    claim: NetworkClaim = {"stack": spec["stack"], "name": spec["name"], "subnet": subnet, "uplink": uplink}
    held["networks"][link] = claim
    gateway = spec["gateway"] or pools.gateway_of(subnet)
    return Network({**spec, "subnet": subnet, "gateway": gateway, "link": link, "uplink": uplink})


def _routed() -> list[str]:
    """Everything that the host routes already, in any table."""
    with Channel() as channel:
        return [str(route["target"]) for route in rtnetlink.routes(channel)]


@contextmanager
def _inside(network: Network) -> Iterator[int]:
    """The network's namespace as a descriptor."""
    ns_fd = netns.open_pin(network["pin_file"])
    try:
        yield ns_fd
    finally:
        os.close(ns_fd)


def _build(network: Network, *, tables: bool) -> None:
    netns.create(network["pin_file"])
    with _inside(network) as ns_fd:
        with netns.Inside(ns_fd):
            netns.ease_sysctls(_INSIDE_SETTINGS)
        _build_bridge(network, ns_fd)
        if network["uplink"]:
            _build_uplink(network, ns_fd)
        if not tables:
            return
        requests = nftables.whole(rules.NETWORK_MEMBERS)
        if network["uplink"]:
            requests += nftables.whole(rules.network_table(network["gateway"], network["uplink"][0]))
        with nftables.open_channel(ns_fd) as channel:
            nftables.apply(channel, requests)


def _build_bridge(network: Network, ns_fd: int) -> None:
    mac = pools.mac_of(network["gateway"])
    with Channel(ns_fd=ns_fd) as channel:
        channel.require([rtnetlink.add_bridge(rules.BRIDGE_LINK, mac, network["mtu"])], (errno.EEXIST,))
        index = rtnetlink.index_of(rules.BRIDGE_LINK, ns_fd)
        channel.require([rtnetlink.add_address(index, network["gateway"], pools.prefix_of(network["subnet"]))])


def _build_uplink(network: Network, ns_fd: int) -> None:
    link, (host_end, network_end) = network["link"], network["uplink"]
    with Channel() as channel, Channel(ns_fd=ns_fd) as within:
        if not rtnetlink.index_of(link) or not rtnetlink.index_of(rules.UPLINK_LINK, ns_fd):
            channel.perform([rtnetlink.delete_link(link)])
            peer = VethPeer(rules.UPLINK_LINK, ns_fd)
            channel.require([rtnetlink.add_veth(link, peer, mtu=network["mtu"])])
        settings = ((f"net/ipv4/conf/{link}/route_localnet", "1"), (f"net/ipv6/conf/{link}/disable_ipv6", "1"))
        netns.ease_sysctls(settings)
        near, far = rtnetlink.index_of(link), rtnetlink.index_of(rules.UPLINK_LINK, ns_fd)
        within.require(
            [
                rtnetlink.link_up(far),
                rtnetlink.add_address(far, network_end, 31),
                rtnetlink.set_route("default", via=host_end, index=far),
            ]
        )
        route = rtnetlink.set_route(network["subnet"], via=network_end, index=near)
        channel.require([rtnetlink.add_address(near, host_end, 31), route])


def _observe_uplink(network: Network) -> Data:
    with Channel() as channel:
        link = rtnetlink.links(channel).get(network["link"], {})
        routed = any(
            route["target"] == network["subnet"] and route["index"] == link.get("index")
            for route in rtnetlink.routes(channel)
        )
    return {"uplink": bool(link.get("up")), "routed": routed}


def _admitted(link: str) -> bool:
    """The host forwards, and its table knows the uplink."""
    if netns.read_sysctl(FORWARDING) != "1":
        return False
    with nftables.open_channel() as tables:
        return (link,) in nftables.elements(tables, rules.HOST, rules.UPLINKS)


def _forget_uplink(link: str) -> None:
    with nftables.open_channel() as tables:
        if (link,) in nftables.elements(tables, rules.HOST, rules.UPLINKS):
            nftables.apply(tables, nftables.delete_elements(rules.HOST, rules.UPLINKS, [(link,)]))


def _delete_link(link: str) -> None:
    with Channel() as channel:
        channel.require([rtnetlink.delete_link(link)], (errno.ENODEV,))


def _collect(problems: list[StackupError], step: Callable[[], None]) -> None:
    try:
        step()
    except StackupError as problem:
        problems.append(problem)
