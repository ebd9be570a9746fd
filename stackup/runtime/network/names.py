"""A container's name server, 127.0.0.11, as a part of its monitor's loop.

Knows the names of the networks that the container is on and answers them itself; a single label that it does not know
is nobody's and is refused at once. Other names are asked of the servers that the file gives (from the container's
namespace) or of the host's (from the host's), and for a container that is on internal networks only of nobody: no
packet leaves for it. Listens on a high port, since holding port 53 would make a name server inside the container
fail. Hot; single-threaded; nothing that a container sends may raise out of it.
"""

from __future__ import annotations

import os
import socket
import struct
import time

from stackup.kernel import netns
from stackup.kernel.files import host_error
from stackup.runtime.network import dns, upstream
from stackup.runtime.network.dns import RESOLVER_ADDRESS, RESOLVER_PORT
from stackup.runtime.network.roster import Roster
from stackup.runtime.network.upstream import Upstream
from stackup.runtime.network.watch import READ, WRITE, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    class ResolverArguments(TypedDict):
        """`Description.resolver`."""

        netns: str
        """Where the container's namespace is pinned."""
        names: list[str]
        """The names files of its networks."""
        servers: list[str]
        """`dns:` of the stack file."""
        forward: bool
        """Whether the host's servers may be asked: false when every network is internal."""
        links: dict[str, str]
        """Names that only this container uses, and what they stand for: `links: [db:database]`."""
        host_resolv: str
        """The host's resolv.conf."""
        port: int
        """Where to listen: 53 itself where no rule can redirect it."""


IDLE_S = 10.0
MOST_CLIENTS = 64
_BURST = 64
_MOST_REPLIES, _LONGEST_KEPT, _MOST_TURNS = 1024, 300, 8
"""What is remembered: questions of at most so many bytes, whose answers have at most so many turns."""


def arguments(
    netns_pin: str,
    names: list[str],
    *,
    internal: bool,
    servers: list[str] | None = None,
    links: dict[str, str] | None = None,
    host_resolv: str = "/etc/resolv.conf",
    port: int = RESOLVER_PORT,
) -> ResolverArguments:
    """`internal`: every network of the container is."""
    return {
        "netns": netns_pin,
        "names": names,
        "servers": servers or [],
        "links": links or {},
        "forward": not internal,
        "host_resolv": host_resolv,
        "port": port,
    }


class Resolver:
    """Serves one container. `sockets`, `ready`, `timeout` and `tick` are what the monitor's loop needs."""

    def __init__(self, wanted: ResolverArguments) -> None:
        self._know(wanted)
        self._turn = 0
        self._replies: dict[bytes, list[bytes]] = {}
        self._watch = Watch()
        self._upstream = Upstream(self._watch)
        self._clients: dict[int, Client] = {}
        self._host_servers: list[str] = []
        self._host_identity: tuple[int, int] | None = None
        self._ns_fd = netns.open_pin(wanted["netns"])
        self._datagrams = _bound(self._ns_fd, socket.SOCK_DGRAM, wanted["port"])
        self._listener = _bound(self._ns_fd, socket.SOCK_STREAM, wanted["port"])
        self._listener.listen(64)
        self._watch.add(self._datagrams.fileno(), READ, self._serve_datagrams)
        self._watch.add(self._listener.fileno(), READ, self._accept)

    def _know(self, wanted: ResolverArguments) -> None:
        self._wanted = wanted
        self._rosters = [Roster(file) for file in wanted["names"]]
        self._links = {dns.wire(alias): dns.wire(name) for alias, name in wanted["links"].items()}
        self._replies = {}

    def revise(self, wanted: ResolverArguments) -> bool:
        """Other networks, links or servers, on the same sockets: no question is lost. False: it takes another one."""
        if any(wanted[key] != self._wanted[key] for key in ("netns", "port")):
            return False
        self._know(wanted)
        return True

    def sockets(self) -> list[int]:
        """Descriptors to poll for reading."""
        return [self._watch.fileno()]

    def ready(self, fd: int) -> None:
        """One of `sockets` is readable."""
        if fd == self._watch.fileno():
            self._watch.run()

    def timeout(self) -> float | None:
        """Seconds until `tick` has something to do; None: nothing is waited for."""
        moments = [client.deadline for client in self._clients.values()]
        asked = self._upstream.deadline()
        if asked is not None:
            moments.append(asked)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def tick(self) -> None:
        """Gives up on servers that keep silent and on clients that do. Call after every turn of the loop."""
        now = time.monotonic()
        self._upstream.tick(now)
        for client in [client for client in self._clients.values() if client.deadline <= now]:
            self._end(client)

    def close(self) -> None:
        self._upstream.close()
        for client in list(self._clients.values()):
            self._end(client)
        for one in (self._datagrams, self._listener):
            self._watch.drop(one.fileno())
            one.close()
        self._watch.close()
        os.close(self._ns_fd)

    def _serve_datagrams(self, _events: int) -> None:
        """Reads first, then looks whether names have changed: a question never gets an answer older than itself."""
        arrived: list[tuple[bytes, tuple[str, int]]] = []
        try:
            while len(arrived) < _BURST:
                arrived.append(self._datagrams.recvfrom(4096))
        except OSError:
            pass  # nothing more for now
        self._refresh()
        for packet, peer in arrived:
            if known := self._replies.get(packet[2:]):
                self._send(packet[:2] + self._next(known), peer)
            else:
                self._answer(packet, False, lambda reply, peer=peer: self._send(reply, peer))  # type: ignore[misc]

    def _refresh(self) -> None:
        for roster in self._rosters:
            if roster.refresh():
                self._replies.clear()

    def _next(self, turns: list[bytes]) -> bytes:
        self._turn += 1
        return turns[self._turn % len(turns)]

    def _send(self, reply: bytes, peer: tuple[str, int]) -> None:
        try:
            self._datagrams.sendto(reply, peer)
        except OSError:
            return  # the client asks again

    def _answer(self, packet: bytes, stream: bool, send: Callable[[bytes], None]) -> None:
        """Calls `send` once: now, or when somebody else has answered."""
        if not dns.is_query(packet):
            return
        asked = dns.question(packet) if dns.is_plain(packet) else None
        if asked is None:
            send(dns.reply(packet, None, dns.FORMERR if not packet[2] & 0x78 else dns.NOTIMP, []))
            return
        limit = 65535 if stream else asked.limit
        code, records = self._known(asked)
        if code is not None:
            turns = [dns.reply(packet, asked, code, order, limit)[2:] for order in self._orders(records)]
            if not stream and len(records) <= _MOST_TURNS:
                self._keep(packet, turns)
            send(packet[:2] + self._next(turns))
            return
        servers = self._servers()
        if not servers:
            send(dns.reply(packet, asked, dns.NXDOMAIN, [], limit))
            return

        def pass_on(reply: bytes | None) -> None:
            send(reply if reply is not None else dns.reply(packet, asked, dns.SERVFAIL, [], limit))

        self._upstream.ask(packet, servers, stream, pass_on)

    def _keep(self, packet: bytes, turns: list[bytes]) -> None:
        """The same question, but for its number, has the same answer until names change: half of the work is saved."""
        if len(self._replies) >= _MOST_REPLIES:
            self._replies.clear()
        if len(packet) <= _LONGEST_KEPT:
            self._replies[packet[2:]] = turns

    def _orders(self, records: list[bytes]) -> list[list[bytes]]:
        """Each record first once; of very many the next only."""
        count = max(1, len(records))
        starts = range(count) if count <= _MOST_TURNS else (self._turn % count,)
        return [records[start:] + records[:start] for start in starts]

    def _known(self, asked: dns.Question) -> tuple[int | None, list[bytes]]:
        """Code and records of what is ours to answer; no code for what is not."""
        records: list[bytes] = []
        name = self._links.get(asked.name, asked.name)
        for roster in self._rosters:
            records += roster.find(name)
        if records:
            records = dns.of_kind(records, asked.kind)
            return dns.NOERROR, records if asked.klass == dns.IN else []
        if asked.single:
            return dns.NXDOMAIN, []
        if asked.kind == dns.PTR and (address := dns.reverse_address(asked.name)):
            for roster in self._rosters:
                if owner := roster.owner(address):
                    return dns.NOERROR, [dns.pointer_record(owner)]
            if address.startswith("127.") or address == "::1":
                return dns.NXDOMAIN, []
        return None, []

    def _servers(self) -> list[tuple[str, int]]:
        """Whom to ask and from which namespace; those of the container first and, when there are any, only those."""
        if self._wanted["servers"]:
            return [(server, self._ns_fd) for server in self._wanted["servers"]]
        if not self._wanted["forward"]:
            return []
        try:
            found = os.stat(self._wanted["host_resolv"])
            identity = (found.st_ino, found.st_mtime_ns)
        except OSError:
            identity = (0, 0)
        if identity != self._host_identity:
            self._host_servers = upstream.servers_of(self._wanted["host_resolv"])
            self._host_identity = identity
        return [(server, -1) for server in self._host_servers]

    def _accept(self, _events: int) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:
            return
        if len(self._clients) >= MOST_CLIENTS:
            link.close()
            return
        link.setblocking(False)
        client = Client(link)
        self._clients[link.fileno()] = client
        self._watch.add(link.fileno(), READ, lambda events: self._serve_stream(client, events))

    def _serve_stream(self, client: Client, events: int) -> None:
        try:
            if events & WRITE:
                self._flush(client)
            if events & ~WRITE and not client.read():
                self._end(client)
                return
        except BlockingIOError:
            return
        except OSError:
            self._end(client)
            return
        self._refresh()
        for packet in client.messages():
            self._answer(packet, True, lambda reply: self._reply_stream(client, reply))

    def _reply_stream(self, client: Client, reply: bytes) -> None:
        if client.link.fileno() not in self._clients:
            return  # it left while somebody else was asked
        client.to_send += struct.pack(">H", len(reply)) + reply
        try:
            self._flush(client)
        except OSError:
            self._end(client)

    def _flush(self, client: Client) -> None:
        client.write()
        self._watch.change(client.link.fileno(), READ | (WRITE if client.to_send else 0))

    def _end(self, client: Client) -> None:
        self._clients.pop(client.link.fileno(), None)
        self._watch.drop(client.link.fileno())
        client.link.close()


class Client:
    """One TCP connection from inside the container: messages with their length in front, in both directions."""

    __slots__ = ("_received", "deadline", "link", "to_send")

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.deadline = time.monotonic() + IDLE_S
        self._received = b""
        self.to_send = b""

    def read(self) -> bool:
        """False when the client has hung up, or answers nothing that it is sent."""
        block = self.link.recv(65535)
        self._received += block
        self.deadline = time.monotonic() + IDLE_S
        return bool(block) and len(self.to_send) < 1 << 20

    def messages(self) -> list[bytes]:
        found = []
        while len(self._received) >= 2:
            size = struct.unpack_from(">H", self._received)[0]
            if len(self._received) < 2 + size:
                break
            found.append(self._received[2 : 2 + size])
            self._received = self._received[2 + size :]
        return found

    def write(self) -> None:
        try:
            self.to_send = self.to_send[self.link.send(self.to_send) :]
        except BlockingIOError:
            return


def _bound(ns_fd: int, kind: int, port: int) -> socket.socket:
    one = netns.socket_in(ns_fd, socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((RESOLVER_ADDRESS, port))
    except OSError as problem:
        one.close()
        raise host_error(problem, "cannot listen for names on", f"{RESOLVER_ADDRESS}:{port}") from problem
    one.setblocking(False)
    return one
