"""Netlink by hand: messages as bytes, one batch a trip, every answer matched to the request that caused it.

What the messages say is in `rtnetlink` and `nftables`. A Request carries words for what it does, and its failure names
them. Raw because the library costs 165 ms to import and a batch of twenty containers takes 20; the library does the
rare, rich work (`delete_conntrack`), imported where it is used. Answers are queued by the time `send` returns
(rtnetlink and nf_tables work synchronously), so reading them never waits.
"""

from __future__ import annotations

import errno
import socket
import struct

from stackup.errors import HostError, KernelError
from stackup.kernel import netns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
_CONNTRACK_GET = 1 << 8 | 1
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x4, 0x10, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 270, 10, 11, 12
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_HEADER = struct.Struct("=IHHII")
_LONGEST = 0xFFFF - 4
ABSENT = frozenset({errno.EOPNOTSUPP, errno.ENOENT, errno.EAFNOSUPPORT})
"""How the kernel refuses what it was built without: a kind of link; an expression or chain of nf_tables; a family."""
_BATCH = 64
"""Requests a trip: their answers must fit the receive buffer, about 0.8 kB each."""


class Request:
    """One message: its type, flags beyond REQUEST and ACK, body, and what it does in words for the error.

    `needs` names kernel modules without which it is refused with one of `ABSENT`.
    """

    __slots__ = ("body", "flags", "kind", "needs", "subject", "what")

    def __init__(self, kind: int, flags: int, body: bytes, what: str, subject: str, needs: str = "") -> None:
        self.kind = kind
        self.flags = flags
        self.body = body
        self.what = what
        self.subject = subject
        self.needs = needs

    def failure(self, number: int, text: str = "") -> KernelError:
        found = KernelError(number, self.what, self.subject, hint=f"the kernel says: {text.lower()}" if text else "")
        found.lacks = self.needs if number in ABSENT else ""
        return found


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes; its length is a 16-bit number, and must not wrap around."""
    if len(value) > _LONGEST:
        raise HostError(f"a netlink attribute of {len(value)} bytes cannot be sent", subject=str(kind))
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
        for forced, plain in ((_SO_SNDBUFFORCE, socket.SO_SNDBUF), (_SO_RCVBUFFORCE, socket.SO_RCVBUF)):
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, forced, 1 << 20)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, plain, 1 << 20)
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

    def ask(self, request: Request) -> bytes:
        """The body of the one answer to a question that is no dump."""
        sequence, message = self.pack(request, 0)
        self._socket.send(message)
        while True:
            for kind, _, number, body in split(self._socket.recv(1 << 17)):
                if number == sequence and kind == NLMSG_ERROR:
                    raise request.failure(-struct.unpack_from("=i", body)[0], _words(body))
                if number == sequence:
                    return body

    def be_strict(self) -> None:
        """Dumps tell only what the request's header and attributes ask for (Linux 4.20); an older kernel tells all."""
        try:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
        except OSError:
            return

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


def tracks(protocol: int, port: int) -> bool:
    """Whether the host tracks an IPv4 flow of that protocol to that port: asking is cheap, deleting is not."""
    request = Request(_CONNTRACK_GET, 0, struct.pack("=BBH", socket.AF_INET, 0, 0), "list conntrack entries", "")
    wanted = struct.pack(">H", port)
    with Channel(NETLINK_NETFILTER) as channel:
        for body in channel.dump(request):
            original = dict(attributes(dict(attributes(body, 4)).get(1, b"")))  # CTA_TUPLE_ORIG
            layer4 = dict(attributes(original.get(2, b"")))  # CTA_TUPLE_PROTO: number, source port, destination port
            if layer4.get(1) == bytes((protocol,)) and layer4.get(3) == wanted:
                return True
    return False


def delete_conntrack(protocol: str, port: int) -> int:
    """Forgets tracked flows to a port of this host; how many. The library's job: rare, and 165 ms to import.

    A map element that changes does not touch flows that are tracked already, and a UDP flow may never end.
    """
    number = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}[protocol]
    if not tracks(number, port):
        return 0
    from pyroute2 import Conntrack  # 165 ms
    from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

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
