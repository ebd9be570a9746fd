"""Records of earlier builds: what they do not say about networks, and what that meant. Pure.

Every record is read through here, so that nobody else asks whether a field is there, and a field that came with a newer
build is no difference by itself: nothing is made anew because the record is old.
"""

from __future__ import annotations

from stackup.runtime.network.driver import link_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_POOLS = dict.fromkeys(("subnet", "gateway", "subnet6", "gateway6"), "")
NETWORK: Mapping[str, Any] = {
    "external": False, "driver": "bridge", "driver_opts": {}, "internal": False, "ipv4": True, "ipv6": False, **_POOLS,
    "ip_range": "", "ip_range6": "", "reserved": {}, "labels": {},
}  # fmt: skip
"""A network's normal form."""
MADE: Mapping[str, Any] = {
    "driver": "bridge", "internal": False, "ipv4": True, "ipv6": False, **_POOLS, "mtu": 0, "link_name": "",
    "parent": "", "mode": "", "apart": False, "masquerade": True, "binding": "", "uplink": [], "uplink6": [],
}  # fmt: skip
"""What a network's `given` is, once it was made."""
PLACE: Mapping[str, Any] = {
    "aliases": [], "ipv4": "", "ipv6": "", "mac": "", "interface": "", "link_local": [], "options": {}, "priority": 0,
    "gw_priority": 0,
}  # fmt: skip
"""A container's place on a network."""
CONTAINER: Mapping[str, Any] = {
    "network_mode": "bridge", "networks": {}, "ports": {}, "expose": [], "extra_hosts": {}, "links": {},
}  # fmt: skip


def whole(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    """The record with everything that this build reads."""
    read = {"network": _network, "container": _container}.get(kind)
    return {**found, **read(found, found["spec"], found["given"])} if read else found


def _network(found: Mapping[str, Any], spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    key = found["address"].partition("/")[2]
    name = {"name": f"{found['stack']}_{key}"}
    link = {"stack": found["stack"], "name": key, "link": link_name(found["stack"], found["address"])}
    return {"spec": {**name, **NETWORK, **spec}, "given": {**link, **MADE, **given} if given else {}}


def _container(_: Mapping[str, Any], spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    known = {**CONTAINER, **spec}
    more = {"addresses": pairs(given["addresses"])} if "addresses" in given else {}
    networks = {name: {**PLACE, **place} for name, place in known["networks"].items()}
    return {"spec": {**known, "networks": networks}, "given": {**given, **more}}


def pairs(addresses: Mapping[str, Any]) -> dict[str, list[str]]:
    """Before there was IPv6, an address stood alone where there are two now."""
    return {key: [found, ""] if isinstance(found, str) else found for key, found in addresses.items()}
