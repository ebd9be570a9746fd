"""The monitor's side of published ports: listening on the host's port, so that it is held and its owner can be seen.

Packets for IPv4 normally never arrive here: the host's table sends them straight to the container. What does arrive is
served in user space: `[::1]` and other IPv6 addresses (the kernel has no `route_localnet` for them), and everything
where there is no nftables. Single-threaded, non-blocking, copies nothing (splice(2)). Hot.
"""

from __future__ import annotations

import errno
import os
import socket

from stackup.errors import HostError
from stackup.kernel.files import host_error
from stackup.runtime.network.watch import READ, WRITE, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stackup.runtime.description import HeldPort

    Peer = tuple[str | int, ...]

MOST_STREAMS = 256
"""Six descriptors each; beyond that new connections wait in the backlog."""
MOST_FLOWS = 512
"""UDP clients remembered; the one that was silent longest gives way."""
_CHUNK = 1 << 18
_SPLICE = 0x1 | 0x2  # SPLICE_F_MOVE, SPLICE_F_NONBLOCK


PROTOCOLS = ("tcp", "udp")
"""What can be held by a socket; the kernel alone serves others."""


def places(host_ip: str) -> list[tuple[int, str]]:
    """Where a port is bound: (family, address); no address means all of both families."""
    if not host_ip:
        return [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")]
    return [(family_of(host_ip), host_ip)]


def family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def spoken(protocol: str) -> bool:
    """Whether this kernel has the protocol; SCTP is a module that many leave out."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP if protocol == "sctp" else 0).close()
    except OSError as problem:
        return problem.errno != errno.EPROTONOSUPPORT
    return True


def bind(host_ip: str, port: int, protocol: str, *, shared: bool = False) -> list[socket.socket]:
    """Sockets that hold the port on all of its addresses, or HostError, code `port-taken` when somebody has it.

    Each may be shared later, but only who says `shared` takes a part of what somebody has.
    """
    held: list[socket.socket] = []
    try:
        for family, address in places(host_ip):
            found = _bind(family, (address, port), protocol, shared)
            if found is None:
                continue
            held.append(found)
            port = found.getsockname()[1]
    except OSError as problem:
        for one in held:
            one.close()
        where = f"{host_ip}:{port}" if host_ip else str(port)
        if problem.errno != errno.EADDRINUSE:
            raise host_error(problem, "cannot listen on", f"{where}/{protocol}") from problem
        raise HostError(
            f'port "{where}/{protocol}" is taken', subject=f"{where}/{protocol}", code="port-taken"
        ) from problem
    return held


def _bind(family: int, place: tuple[str, int], protocol: str, shared: bool) -> socket.socket | None:
    """One socket; None where the host has no IPv6 at all."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    try:
        found = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    except OSError as problem:
        if problem.errno == errno.EAFNOSUPPORT and family == socket.AF_INET6:
            return None
        raise
    try:
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "tcp":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before may linger
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind(place)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if protocol == "tcp":
            found.listen(512)
    except OSError as problem:
        found.close()
        if problem.errno == errno.EADDRNOTAVAIL and place[0] == "::":
            return None  # IPv6 is compiled in and turned off
        raise
    return found


class PortHolder:
    """Holds a container's published ports and serves what the kernel does not send past it.

    `address` is the container's own on its gateway network. `held` are sockets bound before (by the command, to choose
    a free port), in the order of `ports`; without them they are bound here.
    """

    def __init__(
        self, ports: Sequence[HeldPort], address: str, held: Sequence[Sequence[socket.socket]] | None = None
    ) -> None:
        self.address = address
        self._watch = Watch()
        self._listeners: dict[int, socket.socket] = {}
        self._streams: set[Stream] = set()
        self._flows: dict[tuple[int, Peer], Flow] = {}
        self._paused = False
        for place, port in enumerate(ports):
            if port["protocol"] in PROTOCOLS:
                for one in held[place] if held else _bind_again(port):
                    self._serve(one, port)

    def _serve(self, one: socket.socket, port: Mapping[str, object]) -> None:
        one.setblocking(False)
        target = int(str(port["target"]))
        self._listeners[one.fileno()] = one
        if port["protocol"] == "tcp":
            self._watch.add(one.fileno(), READ, lambda _events: self._accept(one, target))
        else:
            self._watch.add(one.fileno(), READ, lambda _events: self._datagrams(one, target))

    def sockets(self) -> list[int]:
        """Descriptors to poll for reading."""
        return [self._watch.fileno()]

    def ready(self, fd: int) -> None:
        """One of `sockets` is readable."""
        if fd == self._watch.fileno():
            self._watch.run()

    def close(self) -> None:
        """Gives the ports back and ends what is being served."""
        for stream in list(self._streams):
            stream.close()
        for flow in list(self._flows.values()):
            self._end_flow(flow)
        for one in self._listeners.values():
            self._watch.drop(one.fileno())
            one.close()
        self._listeners.clear()
        self._watch.close()

    def _accept(self, listener: socket.socket, target: int) -> None:
        try:
            client, _ = listener.accept()
        except OSError as problem:
            if problem.errno in (errno.EMFILE, errno.ENFILE) and self._streams:
                self._pause(True)  # until a stream ends, else this would be asked again without end
            return
        try:
            stream = Stream(self._watch, client, (self.address, target), self._stream_ended)
        except OSError:
            client.close()
            return
        self._streams.add(stream)
        self._pause(len(self._streams) >= MOST_STREAMS)

    def _stream_ended(self, stream: Stream) -> None:
        self._streams.discard(stream)
        self._pause(len(self._streams) >= MOST_STREAMS)

    def _pause(self, paused: bool) -> None:
        if paused == self._paused:
            return
        self._paused = paused
        for fd, one in self._listeners.items():
            if one.type == socket.SOCK_STREAM:
                self._watch.change(fd, 0 if paused else READ)

    def _datagrams(self, listener: socket.socket, target: int) -> None:
        for _ in range(64):
            try:
                data, client = listener.recvfrom(65535)
            except OSError:
                return
            key = (listener.fileno(), client)
            flow = self._flows.pop(key, None)
            try:
                flow = flow or self._new_flow(listener, client, target)
                flow.upstream.send(data)
            except OSError:
                continue  # as on a network: the datagram is lost
            finally:
                if flow is not None:
                    self._flows[key] = flow  # at the end: the first key is the one silent for longest

    def _new_flow(self, listener: socket.socket, client: Peer, target: int) -> Flow:
        if len(self._flows) >= MOST_FLOWS:
            self._end_flow(next(iter(self._flows.values())))
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        upstream = socket.socket(family_of(self.address), kind)
        try:
            upstream.connect((self.address, target))
        except OSError:
            upstream.close()
            raise
        flow = Flow(listener, client, upstream)
        self._watch.add(upstream.fileno(), READ, lambda _events: flow.answer())
        return flow

    def _end_flow(self, flow: Flow) -> None:
        self._flows.pop((flow.listener.fileno(), flow.client), None)
        self._watch.drop(flow.upstream.fileno())
        flow.upstream.close()


def _bind_again(port: HeldPort) -> list[socket.socket]:
    return bind(port["host_ip"], port["port"], port["protocol"], shared=port.get("shared", False))


class Flow:
    """One UDP client: its own socket towards the container, so that answers find their way back."""

    __slots__ = ("client", "listener", "upstream")

    def __init__(self, listener: socket.socket, client: Peer, upstream: socket.socket) -> None:
        self.listener = listener
        self.client = client
        self.upstream = upstream

    def answer(self) -> None:
        for _ in range(64):
            try:
                self.listener.sendto(self.upstream.recv(65535), self.client)
            except OSError:
                return


class Pipe:
    """One direction of a stream: source -> pipe -> sink."""

    __slots__ = ("ended", "pending", "reading", "sink", "source", "writing")

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.reading, self.writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.pending = 0
        self.ended = False

    def pump(self) -> bool:
        """Moves what can be moved now; true when this direction is finished."""
        for _ in range(16):  # then the others get their turn
            if not self.pending and not self.ended:
                self._fill()
            if not self.pending:
                break
            if not self._drain():
                return False
        return self.ended and not self.pending

    def _fill(self) -> None:
        try:
            self.pending = os.splice(self.source.fileno(), self.writing, _CHUNK, flags=_SPLICE)
        except BlockingIOError:
            return
        if self.pending == 0:
            self.ended = True
            try:
                self.sink.shutdown(socket.SHUT_WR)
            except OSError:
                return  # the other side is gone: its own direction will tell

    def _drain(self) -> bool:
        try:
            self.pending -= os.splice(self.reading, self.sink.fileno(), self.pending, flags=_SPLICE)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


class Stream:
    """A client's connection and ours to the container, joined until both directions have ended."""

    __slots__ = ("_client", "_connected", "_done", "_ended", "_pipes", "_upstream", "_watch")

    def __init__(
        self, watch: Watch, client: socket.socket, target: tuple[str, int], ended: Callable[[Stream], None]
    ) -> None:
        self._watch = watch
        self._client = client
        self._ended = ended
        self._connected = False
        self._done = [False, False]
        kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._upstream = socket.socket(family_of(target[0]), kind)
        self._pipes: list[Pipe] = []
        try:
            self._pipes.append(Pipe(client, self._upstream))
            self._pipes.append(Pipe(self._upstream, client))
            client.setblocking(False)
            for one in (client, self._upstream):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            refused = self._upstream.connect_ex(target)
            if refused not in (0, errno.EINPROGRESS):
                raise OSError(refused, os.strerror(refused))
        except OSError:
            self._release()
            raise
        watch.add(client.fileno(), 0, self._event)
        watch.add(self._upstream.fileno(), WRITE, self._event)

    def _event(self, _events: int) -> None:
        try:
            if not self._connected:
                refused = self._upstream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if refused:
                    raise OSError(refused, os.strerror(refused))
                self._connected = True
            self._done = [pipe.pump() for pipe in self._pipes]
        except OSError:
            self.close()
            return
        if all(self._done):
            self.close()
            return
        forth, back = self._pipes
        self._watch.change(self._client.fileno(), _mask(forth, back))
        self._watch.change(self._upstream.fileno(), _mask(back, forth))

    def close(self) -> None:
        self._watch.drop(self._client.fileno())
        self._watch.drop(self._upstream.fileno())
        self._release()
        self._client.close()
        self._ended(self)

    def _release(self) -> None:
        self._upstream.close()
        for pipe in self._pipes:
            pipe.close()


def _mask(outgoing: Pipe, incoming: Pipe) -> int:
    """What to wait for on the socket that `outgoing` reads and `incoming` writes."""
    reads = READ if not outgoing.pending and not outgoing.ended else 0
    return reads | (WRITE if incoming.pending else 0)
