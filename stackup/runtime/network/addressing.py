"""Subnets and uplinks of networks: what the file asks for is checked, the rest is chosen and claimed on this host.

A claim is written before anything is made, so that a second run, and a run after a crash, finds the same choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.errors import HostError
from stackup.kernel import rtnetlink
from stackup.kernel.netlink import Channel
from stackup.runtime.network import families, pools
from stackup.runtime.network.driver import Network, link_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.runtime.network.claims import HostClaims, NetworkClaim
    from stackup.runtime.network.driver import NetworkSpec


def key_of(spec: NetworkSpec) -> str:
    """The network's key in the host's claims, and what its uplink is called unless the file says otherwise."""
    return link_name(spec["stack"], f"network/{spec['name']}")


def check(spec: NetworkSpec, held: HostClaims) -> None:
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
            pools.check_subnet(subnet, _others(held, key_of(spec)))
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


def claim(spec: NetworkSpec, held: HostClaims) -> Network:
    """Subnets and uplinks: those asked for, else those claimed before, else free ones."""
    link = key_of(spec)
    before = held["networks"].get(link)
    taken = _others(held, link)
    routed = [] if before else list(_routed())
    mine: NetworkClaim = {"stack": spec["stack"], "name": spec["name"], "subnet": "", "uplink": []}
    if spec["ipv4"]:
        mine["subnet"], mine["uplink"] = _four(spec, before, taken, routed)
    if spec["ipv6"]:
        mine["subnet6"], mine["uplink6"] = _six(spec, before, taken, routed)
    held["networks"][link] = mine
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


def _four(
    spec: NetworkSpec, before: NetworkClaim | None, taken: dict[str, str], routed: list[str]
) -> tuple[str, list[str]]:
    subnet = spec["subnet"] or (before["subnet"] if before else "")
    if subnet:
        pools.check_subnet(subnet, taken)
    else:
        subnet = pools.choose_subnet([*taken, *routed])
    uplink = [] if spec["internal"] else (before["uplink"] if before else [])
    if not uplink and not spec["internal"]:
        uplink = list(pools.choose_uplink([*taken, *routed, subnet]))
    return subnet, uplink


def _six(
    spec: NetworkSpec, before: NetworkClaim | None, taken: dict[str, str], routed: list[str]
) -> tuple[str, list[str]]:
    if before and before.get("subnet6") and before["subnet6"] == (spec["subnet6"] or before["subnet6"]):
        return before["subnet6"], before.get("uplink6", [])
    pools.check_subnet(spec["subnet6"], taken) if spec["subnet6"] else None
    local, ends = families.inside_local(families.unique_local(key_of(spec), [*taken, *routed]))
    return spec["subnet6"] or local, [] if spec["internal"] else ends


def _others(held: HostClaims, link: str) -> dict[str, str]:
    """Everything that other networks have claimed, and whose it is."""
    found: dict[str, str] = {}
    for name, claim in held["networks"].items():
        if name != link:
            whose = f'network "{claim["name"]}" of stack "{claim["stack"]}"'
            found |= dict.fromkeys(filter(None, (claim["subnet"], claim.get("subnet6", ""))), whose)
            found |= dict.fromkeys((f"{end}/{pools.width(end)}" for end in _ends(claim)), whose)
    return found


def _ends(claim: NetworkClaim) -> Iterator[str]:
    yield from claim["uplink"]
    yield from claim.get("uplink6", ())


def _ways(own: str) -> Iterator[tuple[str, str, bool]]:
    """The host's routes, but for those of a network's own uplink: it may be there already."""
    with Channel() as channel:
        names = {link["index"]: name for name, link in rtnetlink.links(channel).items()}
        for route in rtnetlink.routes(channel):
            link = names.get(route["index"], "")
            if link != own and not str(route["target"]).startswith("fe80:"):
                yield str(route["target"]), link, bool(route["via"])


def _routed() -> Iterator[str]:
    """Everything that the host routes already, in any table."""
    with Channel() as channel:
        for route in rtnetlink.routes(channel):
            target = str(route["target"])
            if not target.startswith(("fe80:", "ff00:")):
                yield target
