"""Subnets and uplinks of networks: what the file asks for is checked, the rest is chosen and claimed on this host.

A claim is written before anything is made, so that a second run, and a run after a crash, finds the same choice.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

from stackup.errors import HostError
from stackup.kernel import rtnetlink
from stackup.kernel.netlink import Channel
from stackup.runtime.network import claims, families, pools
from stackup.runtime.network.driver import Network, link_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.runtime.network.claims import NetworkClaim
    from stackup.runtime.network.driver import NetworkSpec
    from stackup.runtime.network.pools import Block


def key_of(spec: NetworkSpec) -> str:
    """The network's key in the host's claims, and what its uplink is called unless the file says otherwise."""
    return link_name(spec["stack"], f"network/{spec['name']}")


def check(spec: NetworkSpec, run_dir: str) -> None:
    """Raises HostError for subnets and gateways that cannot be."""
    if spec["ipv6"]:
        families.require_six(spec["name"])
    if not spec["ipv4"] and not spec["ipv6"]:
        raise HostError(
            f'network "{spec["name"]}" has neither IPv4 nor IPv6',
            subject=spec["name"],
            hint="set `enable_ipv6: true` beside `enable_ipv4: false`",
            code="network-ipam",
        )
    for subnet, gateway in ((spec["subnet"], spec["gateway"]), (spec["subnet6"], spec["gateway6"])):
        if subnet:
            _check_ipam(spec["name"], subnet, gateway)
            _check_taken(subnet, key_of(spec), run_dir)
            if not spec["internal"] and not spec["parent"]:  # else the host has no route to it
                pools.check_routes(subnet, _ways(spec["link_name"] or key_of(spec)))


def _check_ipam(name: str, subnet: str, gateway: str) -> None:
    problem = ""
    try:
        first, last = pools.bounds(subnet)
        if last - first < 3:
            problem = f'"{subnet}" is too small for a gateway and a container'
        elif gateway and not pools.contains(subnet, gateway):
            problem = f'the gateway "{gateway}" is outside "{subnet}"'
    except (OSError, ValueError) as error:
        problem = str(error)
    if problem:
        raise HostError(problem, subject=name, hint="change `ipam.config` of the network", code="network-ipam")


class HostRoutes:
    """Everything that the host routes, in any table: one look, for as many networks as are made together."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: list[Block] | None = None

    @property
    def blocks(self) -> list[Block]:
        if self._blocks is None:
            with Channel() as channel:
                self._blocks = rtnetlink.reached(channel)
        return self._blocks


def claim(spec: NetworkSpec, run_dir: str, routes: HostRoutes) -> Network:
    """Subnets and uplinks: those asked for, else those claimed before, else free ones. Under the claims' lock."""
    link = key_of(spec)
    before = claims.of(run_dir, link)
    for subnet in filter(None, (spec["subnet"], spec["subnet6"])):
        _check_taken(subnet, link, run_dir)
    mine: NetworkClaim = {"stack": spec["stack"], "name": spec["name"], "subnet": "", "uplink": []}
    if spec["ipv4"]:
        mine["subnet"], mine["uplink"] = _four(spec, before, run_dir, routes)
    if spec["ipv6"]:
        mine["subnet6"], mine["uplink6"] = _six(spec, before, run_dir, routes)
    claims.put(run_dir, link, mine)
    six = mine.get("subnet6", "")
    return Network(
        {
            **spec,
            "subnet": mine["subnet"],
            "subnet6": six,
            "gateway": spec["gateway"] or (pools.gateway_of(mine["subnet"]) if mine["subnet"] else ""),
            "gateway6": spec["gateway6"] or (pools.gateway_of(six) if six else ""),
            "link": spec["link_name"] or link,
            "uplink": mine["uplink"],
            "uplink6": mine.get("uplink6", []),
        }
    )


def _four(spec: NetworkSpec, before: NetworkClaim | None, run_dir: str, routes: HostRoutes) -> tuple[str, list[str]]:
    subnet = spec["subnet"] or (before["subnet"] if before else "")
    uplink = [] if spec["internal"] else (before["uplink"] if before else [])
    if subnet and (uplink or spec["internal"]):
        return subnet, uplink
    taken = claims.blocks(run_dir, but=key_of(spec)) + routes.blocks
    subnet = subnet or pools.choose_subnet(taken)
    return subnet, [] if spec["internal"] else list(pools.choose_uplink([*taken, pools.bounds(subnet)]))


def _six(spec: NetworkSpec, before: NetworkClaim | None, run_dir: str, routes: HostRoutes) -> tuple[str, list[str]]:
    if before and before.get("subnet6") and before["subnet6"] == (spec["subnet6"] or before["subnet6"]):
        return before["subnet6"], before.get("uplink6", [])
    taken = claims.blocks(run_dir, but=key_of(spec)) + routes.blocks
    local, ends = families.inside_local(families.unique_local(key_of(spec), taken))
    return spec["subnet6"] or local, [] if spec["internal"] else ends


def _check_taken(subnet: str, key: str, run_dir: str) -> None:
    pools.check_subnet(subnet, claims.blocks(run_dir, but=key), lambda block: _owner(block, run_dir))


def _owner(block: Block, run_dir: str) -> str:
    """A range in words, and whose it is."""
    for claim in claims.every(run_dir):
        for text in claims.ranges(claim):
            if pools.bounds(text) == block:
                return f'"{text}" of network "{claim["name"]}" of stack "{claim["stack"]}"'
    return "a network that has just gone"


def _ways(own: str) -> Iterator[tuple[str, str, bool]]:
    """The host's routes, but for those of a network's own uplink: it may be there already."""
    names = dict(socket.if_nameindex())
    with Channel() as channel:
        for route in rtnetlink.routes(channel):
            link = names.get(cast(int, route["index"]), "")
            if link != own and not str(route["target"]).startswith("fe80:"):
                yield str(route["target"]), link, bool(route["via"])
