"""Docker's driver options as far as a bridge has them: names, what their values may be, and what they mean here. Pure.

`com.docker.network.bridge.name` is what the host sees of a network, and here that is its uplink.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stackup.kernel.rtnetlink import packed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DOCKER = "com.docker.network."
MTU = f"{_DOCKER}driver.mtu"
NAME = f"{_DOCKER}bridge.name"
ICC = f"{_DOCKER}bridge.enable_icc"
MASQUERADE = f"{_DOCKER}bridge.enable_ip_masquerade"
BINDING = f"{_DOCKER}bridge.host_binding_ipv4"
INTERFACES = f"{_DOCKER}container_iface_prefix"
INTERFACE = f"{_DOCKER}endpoint.ifname"
SYSCTLS = f"{_DOCKER}endpoint.sysctls"

_LINK = re.compile(r"(?!lo\Z|\.{1,2}\Z)[^/:\s%\0]{1,15}\Z")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,11}\Z")
_BOOLEAN = re.compile(r"(true|false|1|0)\Z", re.IGNORECASE)
_MTU = re.compile(r"[0-9]{2,5}\Z")
_SYSCTL = re.compile(r"net\.(ipv4|ipv6|mpls)\.(conf|neigh)\.IFNAME\.([a-z0-9_]+)=([^,=]*)\Z")


def is_link(text: str) -> bool:
    """Whether a link may be called so: 15 bytes without slashes and blanks, and not the loopback's name."""
    return bool(_LINK.match(text)) and len(text.encode()) <= 15


def is_address(text: str) -> bool:
    try:
        return bool(packed(text))
    except (OSError, ValueError):
        return False


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: bool(pattern.match(text))


NETWORK: Mapping[str, tuple[Callable[[str], bool], str]] = {
    MTU: (lambda text: bool(_MTU.match(text)) and 68 <= int(text) <= 65535, "a number of bytes from 68 to 65535"),
    NAME: (is_link, "a link's name of at most 15 bytes"),
    ICC: (_matches(_BOOLEAN), "true or false"),
    MASQUERADE: (_matches(_BOOLEAN), "true or false"),
    BINDING: (is_address, "an address of this host"),
    INTERFACES: (_matches(_PREFIX), "at most 12 letters, digits, - and _"),
}
"""Option -> whether a value will do, and what was expected."""
PARENT, MACVLAN_MODE, IPVLAN_MODE = "parent", "macvlan_mode", "ipvlan_mode"
_PARENT = (is_link, "the name of one of the host's links")
OF_DRIVER: Mapping[str, Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "bridge": NETWORK,
    "macvlan": {
        MTU: NETWORK[MTU],
        PARENT: _PARENT,
        MACVLAN_MODE: (_matches(re.compile(r"(bridge|private|vepa|passthru)\Z")), "bridge, private, vepa or passthru"),
    },
    "ipvlan": {
        MTU: NETWORK[MTU],
        PARENT: _PARENT,
        IPVLAN_MODE: (_matches(re.compile(r"(l2|l3|l3s)\Z")), "l2, l3 or l3s"),
    },
}
ENDPOINT: Mapping[str, tuple[Callable[[str], bool], str]] = {
    MTU: NETWORK[MTU],
    INTERFACE: (is_link, "a link's name of at most 15 bytes"),
    SYSCTLS: (
        lambda text: all(_SYSCTL.match(one) for one in text.split(",")),
        "net.ipv4.conf.IFNAME.<name>=<value>, several with commas between them",
    ),
}


def wanted(options: Mapping[str, str], name: str, default: bool) -> bool:
    """A boolean option."""
    return options.get(name, str(default)).lower() in {"true", "1"}


def number(options: Mapping[str, str], name: str) -> int:
    return int(options.get(name) or 0)


def sysctls(options: Mapping[str, str], link: str) -> list[list[str]]:
    """[path below /proc/sys, value] of each setting of an endpoint's link."""
    found = [_SYSCTL.match(one) for one in options.get(SYSCTLS, "").split(",") if one]
    return [[f"net/{one[1]}/{one[2]}/{link}/{one[3]}", one[4]] for one in found if one]
