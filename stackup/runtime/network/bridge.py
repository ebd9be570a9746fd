"""The bridge driver: a network is a namespace that holds a bridge; containers and the host are plugged into it.

The uplink is one veth pair between that namespace and the host. An internal network has none, so its isolation is the
topology and not a rule. The host sees one link a network and its subnets' routes; deleting the link (synchronous) and
the pin removes everything else, since the kernel takes the bridge, its ports and its rules along.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stackup.errors import KernelError, StackupError, Unsupported
from stackup.kernel import netns, nftables, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.runtime.network import addressing, claims, families, plug, pools, rules, uplink
from stackup.runtime.network.addressing import HostRoutes
from stackup.runtime.network.driver import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stackup.runtime.network.driver import Endpoint, NetworkSpec
    from stackup.values import Data

FORWARDING = families.FOUR.switch
_INSIDE_SETTINGS = (
    (FORWARDING, "1"),
    # Frames between containers stay frames; with br_netfilter loaded, the kernel's default takes them through ip rules.
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
)
_WITHOUT_SIX = (("net/ipv6/conf/default/disable_ipv6", "1"),)
_WITH_SIX = (
    ("net/ipv6/conf/default/disable_ipv6", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    (families.SIX.switch, "1"),
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
        addressing.check(spec, self.run_dir)

    def create(self, spec: NetworkSpec, routes: HostRoutes | None = None) -> Network:
        with claims.changing(self.run_dir, f'making network "{spec["name"]}"') as held:
            network = addressing.claim(spec, self.run_dir, routes or HostRoutes())
            opens = self.tables and not network["internal"]
            if opens:
                uplink.note(held, network)
        try:
            _build(network, tables=self.tables)
            if opens:
                uplink.open_host(network, held, self.run_dir, foreign_rules=self.foreign_rules)
        except KernelError as problem:
            raise _named(network, problem) from problem
        return network

    def half_made(self, spec: NetworkSpec) -> Network:
        """What a `create` that was killed may have made, to be removed: the claim came before everything else."""
        key = addressing.key_of(spec)
        claim = claims.of(self.run_dir, key)
        ends, ends6 = (claim["uplink"], claim.get("uplink6", [])) if claim else ([], [])
        return Network({**spec, "link": spec["link_name"] or key, "uplink": ends, "uplink6": ends6})

    def attach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        with _inside(network) as ns_fd:
            outcomes = plug.plug_in(network, ns_fd, endpoints, tables=self.tables)
        return [problem and _named(network, problem) for problem in outcomes]

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
        if not network["internal"]:
            facts.update(uplink.observe(network))
            if self.tables:
                facts["admitted"] = uplink.admitted(network)
        return facts

    def remove(self, networks: Sequence[Network]) -> list[StackupError | None]:
        """The uplinks first: any socket that is still open inside would keep a namespace and its end alive."""
        joined = [network for network in networks if not network["internal"]]
        kept = _attempt(uplink.forget, joined) if self.tables else None
        links = dict(zip((one["link"] for one in joined), uplink.delete([one["link"] for one in joined]), strict=True))
        outcomes: list[StackupError | None] = []
        for network in networks:
            problem = None if network["internal"] else kept or links[network["link"]]
            outcomes.append(_attempt(netns.remove, network["pin_file"]) or problem)
        self._release([network for network, problem in zip(networks, outcomes, strict=True) if not problem])
        return outcomes

    def _release(self, networks: Sequence[Network]) -> None:
        """Gives up the claims; the last uplink to go puts the host back as it was."""
        with claims.changing(self.run_dir, "removing networks") as held:
            for network in networks:
                claims.drop(self.run_dir, addressing.key_of(network))
            if self.tables:
                uplink.close_host(held, self.run_dir)


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
            netns.ease_sysctls((_WITH_SIX if network["subnet6"] else _WITHOUT_SIX) + _INSIDE_SETTINGS)
        _build_bridge(network, ns_fd)
        if not network["internal"]:
            uplink.build(network, ns_fd)
        if tables:
            requests = nftables.whole(rules.NETWORK_MEMBERS)
            for side in families.sides(network):
                host_end = side.ends[0] if side.ends else ""
                if host_end or network["apart"]:
                    requests += nftables.whole(rules.network_table(side.gateway, host_end, apart=network["apart"]))
            with nftables.open_channel(ns_fd) as channel:
                nftables.apply(channel, requests)


def _build_bridge(network: Network, ns_fd: int) -> None:
    mac = pools.mac_of(network["gateway"] or network["gateway6"])
    with Channel(ns_fd=ns_fd) as channel:
        channel.require([rtnetlink.add_bridge(rules.BRIDGE_LINK, mac, network["mtu"])], (errno.EEXIST,))
        index = rtnetlink.index_of(rules.BRIDGE_LINK, ns_fd)
        channel.require([rtnetlink.add_address(index, side.gateway, side.prefix) for side in families.sides(network)])


def _named(network: Network, problem: StackupError) -> StackupError:
    """What the kernel was built without, in words; any other failure as it is."""
    lacks = problem.lacks if isinstance(problem, KernelError) else ""
    if not lacks:
        return problem
    name = network["name"]
    return Unsupported(
        f'network "{name}" needs {" or ".join(lacks.split())}, which this kernel does not have',
        subject=name,
        hint=f"load it: modprobe -a {lacks}",
        code="kernel-lacks",
    )


def _attempt(step: Callable[..., None], *arguments: object) -> StackupError | None:
    try:
        step(*arguments)
    except StackupError as problem:
        return problem
    return None
