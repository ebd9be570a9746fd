"""Questions that are not ours, asked of other name servers: one socket and one fresh random id a question.

A server is asked over the transport that the client used; the next one is tried when it refuses or keeps silent, and
who kept silent lately is asked last, so that a dead server costs one question its patience and not every one. An answer
counts only from the socket that asked, with its id and its question. Hot.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time

from stackup.errors import StackupError
from stackup.kernel import netns
from stackup.runtime.network import dns
from stackup.runtime.network.watch import READ, WRITE, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Server = tuple[str, int]
    """Address, and the namespace to ask from: a descriptor, or -1 for the monitor's own."""
    Answer = Callable[[bytes | None], None]

PATIENCE_S = 2.0
ROUNDS = 2
SILENT_S = 30.0
"""How long a server that kept silent stands behind the others."""
MOST_PENDING = 128


_REFUSALS = (dns.SERVFAIL, dns.NOTIMP, dns.REFUSED)
"""Another server may know better; when none does, the last refusal is the answer."""


class Asked:
    """One question under way. `answer` is called once: with the reply under the client's id, or None."""

    __slots__ = (
        "answer", "deadline", "link", "number", "packet", "received", "refusal", "server", "servers", "stream",
        "to_send",
    )  # fmt: skip

    def __init__(self, packet: bytes, servers: list[Server], stream: bool, answer: Answer) -> None:
        self.packet = packet
        self.servers = servers
        self.stream = stream
        self.answer = answer
        self.server: Server = ("", -1)
        self.refusal: bytes | None = None
        self.link: socket.socket | None = None
        self.deadline = 0.0
        self.number = b""
        self.to_send = b""
        self.received = b""


class Upstream:
    def __init__(self, watch: Watch, patience_s: float = PATIENCE_S) -> None:
        self._watch = watch
        self._patience_s = patience_s
        self._asked: dict[int, Asked] = {}
        self._silent: dict[Server, float] = {}
        """Until when each is asked last."""

    def ask(self, packet: bytes, servers: list[Server], stream: bool, answer: Answer) -> None:
        """Asks the servers in turn; too many questions at once are answered with None."""
        if len(self._asked) >= MOST_PENDING:
            answer(None)
            return
        now = time.monotonic()
        self._silent = {server: until for server, until in self._silent.items() if until > now}
        ranked = sorted(servers, key=lambda server: server in self._silent)
        self._next(Asked(packet, ranked * ROUNDS, stream, answer))

    def _next(self, asked: Asked) -> None:
        """Puts the question to the next server that can be reached at all."""
        self._leave(asked)
        while asked.servers:
            asked.server = asked.servers.pop(0)
            try:
                self._open(asked, *asked.server)
            except (OSError, StackupError):
                self._leave(asked)
                continue
            return
        asked.answer(asked.refusal)

    def _open(self, asked: Asked, address: str, ns_fd: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = socket.SOCK_STREAM if asked.stream else socket.SOCK_DGRAM
        link = socket.socket(family, kind | socket.SOCK_CLOEXEC) if ns_fd < 0 else netns.socket_in(ns_fd, family, kind)
        asked.link = link
        link.setblocking(False)
        asked.number = os.urandom(2)
        message = asked.number + asked.packet[2:]
        asked.to_send = struct.pack(">H", len(message)) + message if asked.stream else message
        asked.received = b""
        asked.deadline = time.monotonic() + self._patience_s
        refused = link.connect_ex((address, dns.PORT))
        if refused not in (0, errno.EINPROGRESS):
            raise OSError(refused, os.strerror(refused))
        if not asked.stream:
            link.send(asked.to_send)
        self._asked[link.fileno()] = asked
        self._watch.add(link.fileno(), WRITE if asked.stream else READ, lambda events: self._event(asked, events))

    def _leave(self, asked: Asked) -> None:
        if asked.link is not None:
            self._watch.drop(asked.link.fileno())
            self._asked.pop(asked.link.fileno(), None)
            asked.link.close()
            asked.link = None

    def _event(self, asked: Asked, events: int) -> None:
        assert asked.link is not None
        try:
            reply = self._exchange(asked, asked.link, events)
        except BlockingIOError:
            return
        except OSError:
            self._next(asked)
            return
        if reply is None or not _matches(asked, reply):
            return
        self._silent.pop(asked.server, None)
        told = asked.packet[:2] + reply[2:]
        if reply[3] & 0xF in _REFUSALS:
            asked.refusal = told
            asked.servers = [server for server in asked.servers if server != asked.server]
            self._next(asked)
            return
        self._leave(asked)
        asked.answer(told)

    def _exchange(self, asked: Asked, link: socket.socket, events: int) -> bytes | None:
        """The reply when it is whole; a server that hangs up early is an OSError."""
        if not asked.stream:
            return link.recv(65535)
        if asked.to_send:
            asked.to_send = asked.to_send[link.send(asked.to_send) :]
            if not asked.to_send:
                self._watch.change(link.fileno(), READ)
            return None
        block = link.recv(65535)
        if not block:
            raise ConnectionResetError(errno.ECONNRESET, "the name server hung up")
        asked.received += block
        if len(asked.received) < 2:
            return None
        size = struct.unpack_from(">H", asked.received)[0]
        return asked.received[2 : 2 + size] if len(asked.received) >= 2 + size else None

    def deadline(self) -> float | None:
        """The monotonic time at which `tick` has something to do."""
        return min((asked.deadline for asked in self._asked.values()), default=None)

    def tick(self, now: float) -> None:
        for asked in [asked for asked in self._asked.values() if asked.deadline <= now]:
            self._silent[asked.server] = now + SILENT_S
            self._next(asked)

    def close(self) -> None:
        for asked in list(self._asked.values()):
            self._leave(asked)


def _matches(asked: Asked, reply: bytes) -> bool:
    """Its id, an answer, and the same question (RFC 5452, section 4): anything else is not for us."""
    if len(reply) < 12 or reply[:2] != asked.number or not reply[2] & 0x80:
        return False
    end = asked.packet.find(b"\0", 12) + 5
    return reply[4:6] != b"\0\1" or reply[12:end].lower() == asked.packet[12:end].lower()


def servers_of(resolv_file: str) -> list[str]:
    """The name servers of a resolv.conf(5); its default when it names none."""
    found = []
    try:
        with open(resolv_file, encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1]):
                    found.append(words[1])
    except OSError:
        return []
    return found or ["127.0.0.1"]


def _is_address(text: str) -> bool:
    """A name here would make the resolver ask itself: only numbers are taken."""
    try:
        socket.getaddrinfo(text, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True
