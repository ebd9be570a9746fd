"""Netlink by hand: messages as bytes, one batch a trip, every answer matched to the request that caused it.

One function a kernel facility, no policy. A Request carries words for what it does, and its failure names them. Raw
because the library costs 165 ms to import and a batch of twenty containers takes 25; the library does the rare, rich
work (`delete_conntrack`), imported where it is used. Answers are queued by the time `send` returns (rtnetlink and
nf_tables work synchronously), so reading them never waits.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from stackup.errors import KernelError
from stackup.kernel import netns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x4, 0x10, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK = 270, 10, 11
_SO_RCVBUFFORCE = 33
_HEADER = struct.Struct("=IHHII")
_BATCH = 64
"""Requests a trip: their answers must fit the receive buffer, about 0.8 kB each."""

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
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_MCAST_SNOOPING = 1, 23
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_FRA_SRC, _FRA_PRIORITY, _FRA_TABLE = 2, 6, 15
RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_LINK, _RTN_UNICAST = 254, 4, 253, 1


class Request:
    """One message: its type, flags beyond REQUEST and ACK, body, and what it does in words for the error."""

    __slots__ = ("body", "flags", "kind", "subject", "what")

    def __init__(self, kind: int, flags: int, body: bytes, what: str, subject: str) -> None:
        self.kind = kind
        self.flags = flags
        self.body = body
        self.what = what
        self.subject = subject

    def failure(self, number: int, text: str = "") -> KernelError:
        return KernelError(
            number, f"{self.what}", self.subject, hint=f"the kernel says: {text.lower()}" if text else ""
        )


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def nest(kind: int, *inner: bytes) -> bytes:
    return attribute(kind | NLA_F_NESTED, b"".join(inner))


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def attributes(body: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """The (type, value) pairs of a body; a malformed rest ends the walk."""
    while start + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, start)
        if length < 4:
            return
        yield kind & NLA_TYPE_MASK, body[start + 4 : start + length]
        start += (length + 3) & ~3


class Channel:
    """A netlink socket in one namespace: the calling thread's, or that of `ns_fd`."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self, protocol: int = NETLINK_ROUTE, ns_fd: int = -1) -> None:
        if ns_fd < 0:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        else:
            self._socket = netns.socket_in(ns_fd, socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 20)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._sequence = 0

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def pack(self, request: Request, flags: int) -> tuple[int, bytes]:
        """Numbers a request: (sequence number, message)."""
        self._sequence += 1
        header = _HEADER.pack(
            16 + len(request.body), request.kind, request.flags | NLM_F_REQUEST | flags, self._sequence, 0
        )
        return self._sequence, header + request.body + b"\0" * (-len(request.body) % 4)

    def answers(self, messages: bytes) -> dict[int, tuple[int, str]]:
        """Sends and reads what is queued: sequence number -> (errno or 0, the kernel's own words)."""
        self._socket.send(messages)
        found: dict[int, tuple[int, str]] = {}
        while True:
            try:
                block = self._socket.recv(1 << 17, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            for kind, _, sequence, body in split(block):
                if kind == NLMSG_ERROR and found.get(sequence, (0, ""))[0] == 0:
                    found[sequence] = (-struct.unpack_from("=i", body)[0], _words(body))

    def perform(self, requests: Sequence[Request]) -> list[KernelError | None]:
        """All of them in order, whatever becomes of the others; the outcome of each."""
        outcomes: list[KernelError | None] = []
        for start in range(0, len(requests), _BATCH):
            group = requests[start : start + _BATCH]
            packed = [self.pack(request, NLM_F_ACK) for request in group]
            found = self.answers(b"".join(message for _, message in packed))
            for request, (sequence, _) in zip(group, packed, strict=True):
                number, words = found.get(sequence, (errno.ENOBUFS, "no answer"))
                outcomes.append(request.failure(number, words) if number else None)
        return outcomes

    def require(self, requests: Sequence[Request], ignore: Iterable[int] = ()) -> None:
        """All of them; raises the first failure whose errno is not in `ignore`."""
        ignored = frozenset(ignore)
        for failure in self.perform(requests):
            if failure and failure.errno not in ignored:
                raise failure

    def dump(self, request: Request) -> list[bytes]:
        """Bodies of everything that a dump tells; asked again when the tables changed under it."""
        for _ in range(8):
            bodies, whole = self._dump_once(request)
            if whole:
                return bodies
        raise request.failure(errno.EBUSY)

    def _dump_once(self, request: Request) -> tuple[list[bytes], bool]:
        sequence, message = self.pack(request, NLM_F_DUMP)
        self._socket.send(message)
        bodies: list[bytes] = []
        whole = True
        while True:
            for kind, flags, number, body in split(self._socket.recv(1 << 18)):
                if number != sequence:
                    continue
                whole = whole and not flags & NLM_F_DUMP_INTR
                if kind == NLMSG_DONE:
                    return bodies, whole
                if kind == NLMSG_ERROR:
                    raise request.failure(-struct.unpack_from("=i", body)[0], _words(body))
                bodies.append(body)


def split(block: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(type, flags, sequence number, body) of each message of a received block."""
    start = 0
    while start + 16 <= len(block):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(block, start)
        yield kind, flags, sequence, block[start + 16 : start + length]
        start += (max(length, 16) + 3) & ~3


def _words(body: bytes) -> str:
    """The extended acknowledgement's text; with CAP_ACK it follows the errno and the request's header."""
    return next((value.rstrip(b"\0").decode() for kind, value in attributes(body, 20) if kind == 1), "")


def _link(index: int = 0, *, up: bool = False) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, IFF_UP if up else 0, IFF_UP if up else 0)


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
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, "add bridge", name)


def _mtu(mtu: int) -> bytes:
    return attribute(_IFLA_MTU, struct.pack("=I", mtu)) if mtu else b""


class VethPeer:
    """The far end of a pair: its name, the namespace it is born in, its MAC."""

    __slots__ = ("mac", "name", "ns_fd")

    def __init__(self, name: str, ns_fd: int, mac: str = "") -> None:
        self.name = name
        self.ns_fd = ns_fd
        self.mac = mac


def add_veth(name: str, peer: VethPeer, *, master: int = 0, mtu: int = 0, mac: str = "") -> Request:
    """A pair, near end here and up (a port of the bridge with index `master`), far end there: one message.

    The far end cannot be born up: the kernel configures it before it knows its peer (ENOTCONN, tried on 6.18).
    """
    far = _link() + text(_IFLA_IFNAME, peer.name) + _mtu(mtu)
    far += attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer.ns_fd))
    if peer.mac:
        far += attribute(_IFLA_ADDRESS, mac_bytes(peer.mac))
    body = _link(up=True) + text(_IFLA_IFNAME, name) + _mtu(mtu)
    if mac:
        body += attribute(_IFLA_ADDRESS, mac_bytes(mac))
    if master:
        body += attribute(_IFLA_MASTER, struct.pack("=I", master))
    data = nest(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, far))
    body += nest(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "veth"), data)
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f'add veth pair to "{peer.name}"', name)


def link_up(index: int) -> Request:
    return Request(RTM_NEWLINK, 0, _link(index, up=True), "bring up link", str(index))


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
    """An IPv4 address on the link; adding it twice changes nothing."""
    raw = socket.inet_pton(socket.AF_INET, address)
    body = struct.pack("=BBBBI", socket.AF_INET, prefix, 0, 0, index)
    body += attribute(_IFA_LOCAL, raw) + attribute(_IFA_ADDRESS, raw)
    return Request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body, "add address", f"{address}/{prefix}")


def set_route(target: str, *, via: str = "", index: int = 0, table: int = RT_TABLE_MAIN) -> Request:
    """A route to `a.b.c.d/n` or `default`, through a gateway or straight onto a link; replaces its twin."""
    network, _, length = ("0.0.0.0/0" if target == "default" else target).partition("/")
    scope = 0 if via else _RT_SCOPE_LINK
    small = table if table < 256 else 0
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, int(length), 0, 0, small, _RTPROT_STATIC, scope, _RTN_UNICAST, 0)
    body += attribute(_RTA_TABLE, struct.pack("=I", table))
    if int(length):
        body += attribute(_RTA_DST, socket.inet_pton(socket.AF_INET, network))
    if via:
        body += attribute(_RTA_GATEWAY, socket.inet_pton(socket.AF_INET, via))
    if index:
        body += attribute(_RTA_OIF, struct.pack("=I", index))
    return Request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body, "set route", target)


def add_rule(source: str, table: int, priority: int) -> Request:
    """`from <source> lookup <table>`. ip-rule(8); EEXIST when it is there."""
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 32, 0, 0, 0, 0, 1, 0)  # FR_ACT_TO_TBL
    body += attribute(_FRA_SRC, socket.inet_pton(socket.AF_INET, source))
    body += attribute(_FRA_PRIORITY, struct.pack("=I", priority)) + attribute(_FRA_TABLE, struct.pack("=I", table))
    return Request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, body, "add rule from", source)


def links(channel: Channel) -> dict[str, dict[str, object]]:
    """Every link by name: `index`, `up`, `mac`, `mtu`, `master` (an index, 0 for none)."""
    found: dict[str, dict[str, object]] = {}
    for body in channel.dump(Request(RTM_GETLINK, 0, _link(), "list links", "")):
        _, _, index, flags, _ = struct.unpack_from("=BxHiII", body)
        values = dict(attributes(body, 16))
        found[values[_IFLA_IFNAME].rstrip(b"\0").decode()] = {
            "index": index,
            "up": bool(flags & IFF_UP),
            "mac": values.get(_IFLA_ADDRESS, b"").hex(":"),
            "mtu": int.from_bytes(values.get(_IFLA_MTU, b""), "little" if _LITTLE else "big"),
            "master": int.from_bytes(values.get(_IFLA_MASTER, b""), "little" if _LITTLE else "big"),
        }
    return found


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
    """IPv4 addresses: (link index, `a.b.c.d/n`)."""
    found = []
    body = struct.pack("=BBBBI", socket.AF_INET, 0, 0, 0, 0)
    for answer in channel.dump(Request(RTM_GETADDR, 0, body, "list addresses", "")):
        _, prefix, _, _, index = struct.unpack_from("=BBBBI", answer)
        values = dict(attributes(answer, 8))
        raw = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)
        if raw:
            found.append((index, f"{socket.inet_ntop(socket.AF_INET, raw)}/{prefix}"))
    return found


def routes(channel: Channel) -> list[dict[str, object]]:
    """IPv4 unicast routes of all tables: `target` (`default` for all), `via`, `index`, `table`."""
    found = []
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    for answer in channel.dump(Request(RTM_GETROUTE, 0, body, "list routes", "")):
        _, length, _, _, table, _, _, kind, _ = struct.unpack_from("=BBBBBBBBI", answer)
        if kind != _RTN_UNICAST:
            continue
        values = dict(attributes(answer, 12))
        target = socket.inet_ntop(socket.AF_INET, values[_RTA_DST]) if _RTA_DST in values else ""
        found.append(
            {
                "target": f"{target}/{length}" if target else "default",
                "via": socket.inet_ntop(socket.AF_INET, values[_RTA_GATEWAY]) if _RTA_GATEWAY in values else "",
                "index": struct.unpack("=I", values[_RTA_OIF])[0] if _RTA_OIF in values else 0,
                "table": struct.unpack("=I", values[_RTA_TABLE])[0] if _RTA_TABLE in values else table,
            }
        )
    return found


def delete_conntrack(protocol: str, port: int) -> int:
    """Forgets tracked flows to a port of this host; how many. The library's job: rare, and 165 ms to import.

    A map element that changes does not touch flows that are tracked already, and a UDP flow may never end.
    """
    from pyroute2 import Conntrack  # 165 ms
    from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

    number = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}[protocol]
    deleted = 0
    with Conntrack() as table:
        for entry in list(table.dump_entries(tuple_orig=NFCTAttrTuple(proto=number, dport=port))):
            try:
                table.entry("del", tuple_orig=entry.tuple_orig)
                deleted += 1
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise KernelError(error.errno or 0, "delete conntrack entry", f"{port}/{protocol}") from error
    return deleted


def has_link(name: str) -> bool:
    """Cheap kernel truth for the calling thread's namespace."""
    return os.path.exists(f"/sys/class/net/{name}") or index_of(name) != 0
