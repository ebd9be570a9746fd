"""A network's way out: one veth pair to the host, and what the host then needs: its table, and forwarding turned on.

For each family apart, since a host may forward one and not the other. The first uplink of a family turns forwarding
on and the last to go puts the host back as it was.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, cast

from stackup.errors import HostError, KernelError
from stackup.kernel import netns, nftables, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.kernel.nftexpr import NUMGEN
from stackup.kernel.rtnetlink import VethPeer
from stackup.runtime.network import claims, families, foreign, rules
from stackup.runtime.network.families import FAMILIES, SIX, Family
from stackup.runtime.network.options import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stackup.kernel.netlink import Request
    from stackup.runtime.network.claims import HostClaims
    from stackup.runtime.network.driver import Network
    from stackup.values import Data


GROUP, LEAVING = 0x7375, 0x73756C
"""The link group of uplinks on the host, and of those that are being deleted."""


def families_of(network: Network) -> list[Family]:
    """Those that it has a way out for."""
    return [family for family in FAMILIES if network[family.ends]]  # type: ignore[literal-required]


def note(held: HostClaims, network: Network) -> None:
    """Writes down what `open_host` is about to change, as it is now."""
    for family in families_of(network):
        if family.claim not in held and netns.read_sysctl(family.switch) == "0":
            held[family.claim] = "0"  # type: ignore[literal-required]
            if family is SIX:
                held["accept_ra"] = _listeners()


def _listeners() -> dict[str, str]:
    """Links with routes from a router's advertisements, and their `accept_ra`: a host that forwards stops listening
    to routers, unless it is told to do both.
    """
    with Channel() as channel:
        advertised = {route["index"] for route in rtnetlink.routes(channel) if route["advertised"]}
        names = [name for name, link in rtnetlink.links(channel).items() if link["index"] in advertised]
    before = {name: netns.read_sysctl(f"net/ipv6/conf/{name}/accept_ra") for name in names}
    return {name: value for name, value in before.items() if value == "1"}


def open_host(network: Network, held: HostClaims, run_dir: str, *, foreign_rules: bool) -> None:
    """The table first, then forwarding: there is no moment at which the host forwards for others."""
    with nftables.open_channel() as channel:
        for family in families_of(network):
            _install(channel, family, network, closed=family.claim in held)
            if family is SIX:
                _listen(dict.fromkeys(held.get("accept_ra", ()), "2"))
            netns.write_sysctl(family.switch, "1")
        wanted = foreign.places(channel, [family.number for family in families_of(network)]) if foreign_rules else []
        if wanted:
            with claims.changing(run_dir, "adding rules to foreign chains") as changed:
                before = changed.get("foreign", [])
                changed["foreign"] = before + [place for place in wanted if place not in before]
            foreign.open_chains(channel, wanted, network["link"])


def _install(channel: Channel, family: Family, network: Network, *, closed: bool) -> None:
    """The host's table with this uplink; where the kernel cannot count, monitors divide what replicas share."""
    make = rules.host_table6 if family is SIX else rules.host_table
    elements: list[Request] = []
    for name in (rules.UPLINKS,) if network["masquerade"] else (rules.UPLINKS, rules.PLAIN):
        elements += nftables.add_elements(family.table, name, [((network["link"],), ())])
    table, less = make(closed=closed), make(closed=closed, shares=False)
    if nftables.stands(channel, table) or nftables.stands(channel, less):
        nftables.apply(channel, elements)
        return
    try:
        nftables.apply(channel, nftables.whole(table) + elements)
    except KernelError as problem:
        if NUMGEN not in problem.lacks:
            raise
        nftables.apply(channel, nftables.whole(less) + elements)


def close_host(held: HostClaims, run_dir: str) -> None:
    """For each family whose last uplink has gone: forwarding as it was, and our table gone; then others' chains."""
    pairs = [first for first, last in claims.blocks(run_dir) if last - first == 1]  # no subnet is that small
    left = [family for family in FAMILIES if any((first >> 32 > 0) == (family is SIX) for first in pairs)]
    with nftables.open_channel() as tables:
        if not left:
            foreign.close_chains(tables, held.get("foreign", []))
            held.pop("foreign", None)
        for family in FAMILIES:
            if family not in left:
                _close(held, family)
                if (family.number, rules.TABLE) in nftables.tables(tables):
                    nftables.apply(tables, [nftables.delete_table(family.number, rules.TABLE)])


def _close(held: HostClaims, family: Family) -> None:
    before = held.pop(family.claim, None)  # type: ignore[misc]
    if before is not None:
        netns.write_sysctl(family.switch, str(before))
    if family is SIX:
        _listen(held.pop("accept_ra", {}))


def _listen(links: Mapping[str, str]) -> None:
    netns.ease_sysctls(tuple((f"net/ipv6/conf/{name}/accept_ra", value) for name, value in links.items()))


def build(network: Network, ns_fd: int) -> None:
    """The pair with its addresses, the network's default routes out and the host's routes in. Again: mends it."""
    link = network["link"]
    with Channel() as channel, Channel(ns_fd=ns_fd) as within:
        there = rtnetlink.index_of(link)
        if there and not _ours(channel, link):
            raise HostError(
                f'this host has another link "{link}"', subject=link, hint=f"choose another `{NAME}`", code="link-taken"
            )
        if not there or not rtnetlink.index_of(rules.UPLINK_LINK, ns_fd):
            channel.perform([rtnetlink.delete_link(link)] if there else [])
            peer = VethPeer(rules.UPLINK_LINK, ns_fd)
            channel.require([rtnetlink.add_veth(link, peer, mtu=network["mtu"], group=GROUP)])
        netns.ease_sysctls(_settings(link, six=bool(network["uplink6"])))
        near, far = rtnetlink.index_of(link), rtnetlink.index_of(rules.UPLINK_LINK, ns_fd)
        inside, here = [rtnetlink.link_up(far)], []
        for side in families.sides(network):
            host_end, network_end = side.ends
            inside.append(rtnetlink.add_address(far, network_end, side.ends_prefix))
            inside.append(rtnetlink.set_route("default", via=host_end, index=far))
            here.append(rtnetlink.add_address(near, host_end, side.ends_prefix))
            here.append(rtnetlink.set_route(side.subnet, via=network_end, index=near))
        within.require(inside)
        channel.require(here)


def _settings(link: str, *, six: bool) -> tuple[tuple[str, str], ...]:
    """The host's end learns nothing from the network's: no routes and no addresses."""
    conf = f"net/ipv6/conf/{link}"
    return (
        (f"net/ipv4/conf/{link}/route_localnet", "1"),
        (f"{conf}/accept_ra", "0"),
        (f"{conf}/accept_dad", "0"),
        (f"{conf}/disable_ipv6", "0" if six else "1"),
    )


def observe(network: Network) -> Data:
    with Channel() as channel:
        link = rtnetlink.link(channel, network["link"])
        index = cast(int, link.get("index", 0))
        targets = {route["target"] for route in rtnetlink.routes(channel, index=index)} if index else set()
    return {"uplink": bool(link.get("up")), "routed": all(side.subnet in targets for side in families.sides(network))}


def admitted(network: Network) -> bool:
    """The host forwards, and its table knows the uplink."""
    if any(netns.read_sysctl(family.switch) != "1" for family in families_of(network)):
        return False
    key = (network["link"],)
    with nftables.open_channel() as tables:
        return all(nftables.has_element(tables, family.table, rules.UPLINKS, key) for family in families_of(network))


def forget(networks: Sequence[Network]) -> None:
    """Out of the host's tables, in one transaction for all."""
    with nftables.open_channel() as tables:
        requests: list[Request] = []
        for family in FAMILIES:
            links = {(network["link"],) for network in networks if family in families_of(network)}
            for name in (rules.UPLINKS, rules.PLAIN):
                there = [key for key in links if nftables.has_element(tables, family.table, name, key)]
                requests += nftables.delete_elements(family.table, name, there)
        nftables.apply(tables, requests)


def delete(links: Sequence[str]) -> list[KernelError | None]:
    """All at once: the kernel waits 15 to 20 ms a call, not a link. Gone already is no failure, and neither is that
    somebody else has a link of that name: it stays.
    """
    with Channel() as channel:
        mine = [link for link in links if _ours(channel, link)]
        outcomes = dict(zip(mine, channel.perform([rtnetlink.set_group(link, LEAVING) for link in mine]), strict=True))
        channel.require([rtnetlink.delete_group(LEAVING)] if mine else [], (errno.ENODEV,))
    return [outcomes.get(link) for link in links]


def _ours(channel: Channel, link: str) -> bool:
    """The file may name an uplink as it likes, so that the name alone proves nothing."""
    return rtnetlink.link(channel, link).get("group") in {GROUP, LEAVING}
