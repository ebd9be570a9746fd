"""rtnetlink messages: bridges, veth pairs across two namespaces, addresses, routes, rules; and reading them back.

One function a kernel facility, no policy; rtnetlink(7) and the kernel's uapi headers name the numbers. Functions return
Requests for `netlink.Channel`; those that read take the channel to ask through.
"""

from __future__ import annotations

import errno
import socket
import struct

from stackup.errors import KernelError
from stackup.kernel import netns
from stackup.kernel.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Channel,
    Request,
    attribute,
    attributes,
    nest,
    text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
IFF_UP = 0x1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_GROUP, _IFLA_NET_NS_FD = (
    1,
    3,
    4,
    10,
    18,
    27,
    28,
)
_IFLA_LINK = 5
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_INFO_SLAVE_KIND, _IFLA_INFO_SLAVE_DATA, _IFLA_BRPORT_ISOLATED = 4, 5, 33
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_MCAST_SNOOPING = 1, 23
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_FRA_SRC, _FRA_PRIORITY, _FRA_TABLE = 2, 6, 15
_SECOND_IS_DST = struct.pack("=HH", 8, _RTA_DST)
RT_TABLE_MAIN, _RTPROT_STATIC, _RTPROT_RA, _RT_SCOPE_LINK, _RTN_UNICAST = 254, 4, 9, 253, 1
_IFA_F_NODAD = 0x02


def _link(index: int = 0, *, up: bool = False) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, IFF_UP if up else 0, IFF_UP if up else 0)


def packed(address: str) -> tuple[int, bytes]:
    """(family, bytes) of an address of either family."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def add_bridge(name: str, mac: str, mtu: int = 0) -> Request:
    """A bridge that is up and forwards at once; its own MAC is fixed, else it follows the lowest port's."""
    bridge = nest(
        _IFLA_INFO_DATA,
        attribute(_IFLA_BR_FORWARD_DELAY, struct.pack("=I", 0)),
        attribute(_IFLA_BR_MCAST_SNOOPING, b"\0"),
    )
    body = _link(up=True) + text(_IFLA_IFNAME, name) + attribute(_IFLA_ADDRESS, mac_bytes(mac)) + _mtu(mtu)
    body += nest(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "bridge"), bridge)
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, "add bridge", name, "bridge")


def _mtu(mtu: int) -> bytes:
    return attribute(_IFLA_MTU, struct.pack("=I", mtu)) if mtu else b""


class VethPeer:
    """The far end of a pair: its name, the namespace it is born in, its MAC."""

    __slots__ = ("mac", "name", "ns_fd")

    def __init__(self, name: str, ns_fd: int, mac: str = "") -> None:
        self.name = name
        self.ns_fd = ns_fd
        self.mac = mac


def add_veth(name: str, peer: VethPeer, *, master: int = 0, mtu: int = 0, group: int = 0) -> Request:
    """A pair, near end here and up (a port of the bridge with index `master`), far end there: one message.

    The far end cannot be born up: the kernel configures it before it knows its peer (ENOTCONN, tried on 6.18).
    """
    far = _link() + text(_IFLA_IFNAME, peer.name) + _mtu(mtu)
    far += attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer.ns_fd))
    if peer.mac:
        far += attribute(_IFLA_ADDRESS, mac_bytes(peer.mac))
    body = _link(up=True) + text(_IFLA_IFNAME, name) + _mtu(mtu)
    if group:
        body += _group(group)
    if master:
        body += attribute(_IFLA_MASTER, struct.pack("=I", master))
    data = nest(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, far))
    body += nest(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "veth"), data)
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f'add veth pair to "{peer.name}"', name, "veth")


def add_child(kind: str, parent: int, child: VethPeer, mode: int, mtu: int = 0) -> Request:
    """A macvlan or ipvlan link of the host's link with index `parent`, born in the namespace that `child` names."""
    body = _link() + text(_IFLA_IFNAME, child.name) + attribute(_IFLA_LINK, struct.pack("=I", parent)) + _mtu(mtu)
    body += attribute(_IFLA_NET_NS_FD, struct.pack("=I", child.ns_fd))
    if child.mac:
        body += attribute(_IFLA_ADDRESS, mac_bytes(child.mac))
    said = attribute(1, struct.pack("=I" if kind == "macvlan" else "=H", mode))
    body += nest(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, kind), nest(_IFLA_INFO_DATA, said))
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"add {kind} link", child.name)


def has_kind(channel: Channel, kind: str) -> bool:
    """Whether the kernel can make such a link: asked for one of an impossible size it looks for the kind first, and
    makes nothing.
    """
    body = _link() + _mtu(0x7FFFFFFF) + nest(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, kind))
    failure = channel.perform([Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"ask for {kind}", "")])[0]
    return failure is None or failure.errno != errno.EOPNOTSUPP


def link_up(index: int) -> Request:
    return Request(RTM_NEWLINK, 0, _link(index, up=True), "bring up link", str(index))


def isolate_port(name: str) -> Request:
    """A port of a bridge that reaches the bridge and no other port so marked."""
    data = nest(_IFLA_INFO_SLAVE_DATA, attribute(_IFLA_BRPORT_ISOLATED, b"\1"))
    body = _link() + text(_IFLA_IFNAME, name)
    body += nest(_IFLA_LINKINFO, text(_IFLA_INFO_SLAVE_KIND, "bridge"), data)
    return Request(RTM_NEWLINK, 0, body, "set apart bridge port", name)


def delete_link(name: str) -> Request:
    return Request(RTM_DELLINK, 0, _link() + text(_IFLA_IFNAME, name), "delete link", name)


def set_group(name: str, group: int) -> Request:
    return Request(RTM_NEWLINK, 0, _link() + text(_IFLA_IFNAME, name) + _group(group), "mark link", name)


def delete_group(group: int) -> Request:
    """All links of a group at once: one wait for readers, where each link alone costs 15 to 20 ms."""
    return Request(RTM_DELLINK, 0, _link() + _group(group), "delete links", "")


def _group(group: int) -> bytes:
    return attribute(_IFLA_GROUP, struct.pack("=I", group))


def add_address(index: int, address: str, prefix: int) -> Request:
    """An address on the link, usable at once; adding it twice changes nothing."""
    family, raw = packed(address)
    flags = _IFA_F_NODAD if family == socket.AF_INET6 else 0
    body = struct.pack("=BBBBI", family, prefix, flags, 0, index)
    body += attribute(_IFA_LOCAL, raw) + attribute(_IFA_ADDRESS, raw)
    return Request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body, "add address", f"{address}/{prefix}")


def set_route(target: str, *, via: str = "", index: int = 0, table: int = RT_TABLE_MAIN) -> Request:
    """A route to a subnet or, of the gateway's family, `default`: by that gateway or straight onto a link; replaces
    its twin.
    """
    network, _, length = (f"{via}/0" if target == "default" else target).partition("/")
    family, destination = packed(network)
    scope = 0 if via or family == socket.AF_INET6 else _RT_SCOPE_LINK
    small = table if table < 256 else 0
    body = struct.pack("=BBBBBBBBI", family, int(length), 0, 0, small, _RTPROT_STATIC, scope, _RTN_UNICAST, 0)
    body += attribute(_RTA_TABLE, struct.pack("=I", table))
    if int(length):
        body += attribute(_RTA_DST, destination)
    if via:
        body += attribute(_RTA_GATEWAY, packed(via)[1])
    if index:
        body += attribute(_RTA_OIF, struct.pack("=I", index))
    return Request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body, "set route", target)


def add_rule(source: str, table: int, priority: int) -> Request:
    """`from <source> lookup <table>`. ip-rule(8); EEXIST when it is there."""
    return Request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, _rule(source, table, priority), "add rule from", source)


def delete_rule(source: str, table: int, priority: int) -> Request:
    """ENOENT when it is gone."""
    return Request(RTM_DELRULE, 0, _rule(source, table, priority), "delete rule from", source)


def _rule(source: str, table: int, priority: int) -> bytes:
    family, raw = packed(source)
    body = struct.pack("=BBBBBBBBI", family, 0, len(raw) * 8, 0, 0, 0, 0, 1, 0)  # FR_ACT_TO_TBL
    body += attribute(_FRA_SRC, raw)
    body += attribute(_FRA_PRIORITY, struct.pack("=I", priority))
    return body + attribute(_FRA_TABLE, struct.pack("=I", table))


def links(channel: Channel) -> dict[str, dict[str, object]]:
    """Every link by name: `index`, `up`, `mac`, `mtu`, `group`, `master` (an index, 0 for none)."""
    found: dict[str, dict[str, object]] = {}
    for body in channel.dump(Request(RTM_GETLINK, 0, _link(), "list links", "")):
        found.update([_told(body)])
    return found


def link(channel: Channel, name: str) -> dict[str, object]:
    """One of them, however many there are; empty when there is none."""
    try:
        return _told(channel.ask(Request(RTM_GETLINK, 0, _link() + text(_IFLA_IFNAME, name), "look at link", name)))[1]
    except KernelError as problem:
        if problem.errno == errno.ENODEV:
            return {}
        raise


def _told(body: bytes) -> tuple[str, dict[str, object]]:
    _, _, index, flags, _ = struct.unpack_from("=BxHiII", body)
    values = dict(attributes(body, 16))
    return values[_IFLA_IFNAME].rstrip(b"\0").decode(), {
        "index": index,
        "up": bool(flags & IFF_UP),
        "mac": values.get(_IFLA_ADDRESS, b"").hex(":"),
        "group": int.from_bytes(values.get(_IFLA_GROUP, b""), "little" if _LITTLE else "big"),
        "mtu": int.from_bytes(values.get(_IFLA_MTU, b""), "little" if _LITTLE else "big"),
        "master": int.from_bytes(values.get(_IFLA_MASTER, b""), "little" if _LITTLE else "big"),
    }


_LITTLE = struct.pack("=H", 1) == b"\1\0"


def index_of(name: str, ns_fd: int = -1) -> int:
    """The link's index in that namespace, 0 when there is none."""
    try:
        if ns_fd < 0:
            return socket.if_nametoindex(name)
        with netns.Inside(ns_fd):
            return socket.if_nametoindex(name)
    except OSError:
        return 0


def addresses(channel: Channel) -> list[tuple[int, str]]:
    """Addresses of both families: (link index, `address/n`)."""
    found = []
    body = struct.pack("=BBBBI", socket.AF_UNSPEC, 0, 0, 0, 0)
    for answer in channel.dump(Request(RTM_GETADDR, 0, body, "list addresses", "")):
        family, prefix, _, _, index = struct.unpack_from("=BBBBI", answer)
        values = dict(attributes(answer, 8))
        raw = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)
        if raw:
            found.append((index, f"{socket.inet_ntop(family, raw)}/{prefix}"))
    return found


def _unicast(channel: Channel, index: int = 0) -> Iterator[bytes]:
    """Answers about unicast routes of both families and all tables; of one link, when the kernel can tell."""
    body = struct.pack("=BBBBBBBBI", socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0, _RTN_UNICAST, 0)
    body += attribute(_RTA_OIF, struct.pack("=I", index)) if index else b""
    channel.be_strict()
    answers = channel.dump(Request(RTM_GETROUTE, 0, body, "list routes", ""))
    return (one for one in answers if one[7] == _RTN_UNICAST and one[0] in (socket.AF_INET, socket.AF_INET6))


def reached(channel: Channel) -> list[tuple[int, int]]:
    """First and last address of everything that a route leads to, but for default routes: cheap, for there are many."""
    found = []
    for answer in _unicast(channel):
        # where the kernel has it, after the table; to look for it takes four times as long
        short = answer[20:24] == _SECOND_IS_DST
        raw = answer[24:28] if short else dict(attributes(answer, 12)).get(_RTA_DST, b"")
        if raw:
            first = int.from_bytes(raw, "big")
            found.append((first, first | (1 << (len(raw) * 8 - answer[1])) - 1))
    return found


def routes(channel: Channel, *, index: int = 0) -> list[dict[str, object]]:
    """Unicast routes of both families and all tables, or of one link: `target` (`default` for all), `via`, `index`,
    `table`, and `advertised`, whether a router said so.
    """
    found = []
    for answer in _unicast(channel, index):
        family, length, _, _, table, protocol, _, _, _ = struct.unpack_from("=BBBBBBBBI", answer)
        values = dict(attributes(answer, 12))
        leaves_by = struct.unpack("=I", values[_RTA_OIF])[0] if _RTA_OIF in values else 0
        if index and leaves_by != index:
            continue
        target = socket.inet_ntop(family, values[_RTA_DST]) if _RTA_DST in values else ""
        found.append(
            {
                "target": f"{target}/{length}" if target else "default",
                "via": socket.inet_ntop(family, values[_RTA_GATEWAY]) if _RTA_GATEWAY in values else "",
                "index": leaves_by,
                "table": struct.unpack("=I", values[_RTA_TABLE])[0] if _RTA_TABLE in values else table,
                "advertised": protocol == _RTPROT_RA,
            }
        )
    return found
