"""Signs that a program gives of being ready, once: a text in its output, or a message to its NOTIFY_SOCKET.

Hot. Whoever waits for a sign must listen before the program's first breath, so a sign belongs to one run and is made
before it. The socket has an abstract name in the container's own network namespace: nothing is mounted, and a program
that is killed leaves nothing behind. Source: sd_notify(3), unix(7).
"""

from __future__ import annotations

import os
import socket

from stackup.kernel import netns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.runtime.description import Description
    from stackup.runtime.loop import Loop

LOG, NOTIFY = "stackup:log", "stackup:notify"
HOST = "host"
_LONGEST = 1 << 12
_READY = b"READY=1"


class Sign:
    """`told` is empty until it was given; `on_given` is called once then."""

    __slots__ = ("_loop", "_pattern", "_socket", "_tails", "on_given", "told")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pattern = b""
        self._tails: dict[bytes, bytes] = {}
        self._socket: socket.socket | None = None
        self.on_given: Callable[[], None] | None = None
        self.told = ""

    def listen(self, text: str) -> None:
        """For a text in one line of the output."""
        self._pattern = text.encode()

    def receive(self, ns_fd: int, name: str) -> None:
        """For a message to the socket of this name in a network namespace; -1: our own."""
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        made = socket.socket(socket.AF_UNIX, kind) if ns_fd < 0 else netns.socket_in(ns_fd, socket.AF_UNIX, kind)
        made.bind(f"\0{name}")
        self._socket = made
        self._loop.add(made.fileno(), self._received)

    def hear(self, stream: bytes, data: bytes) -> None:
        """What is written; the text may come in pieces."""
        if not self._pattern or self.told:
            return
        heard = self._tails.pop(stream, b"") + data
        at = heard.find(self._pattern)
        if at < 0:
            self._tails[stream] = heard[-len(self._pattern) + 1 :] if len(self._pattern) > 1 else b""
            return
        start, end = heard.rfind(b"\n", 0, at) + 1, heard.find(b"\n", at)
        self.give(heard[start : end if end >= 0 else None][:_LONGEST].decode(errors="replace"))

    def _received(self, _fd: int) -> None:
        assert self._socket is not None
        try:
            lines = self._socket.recv(_LONGEST).split(b"\n")
        except BlockingIOError:
            return
        if _READY in lines:
            said = next((line[7:] for line in lines if line.startswith(b"STATUS=")), b"")
            self.give(said.decode(errors="replace") or "READY=1")

    def give(self, told: str) -> None:
        if not self.told:
            self.told = told or "ready"
            self._tails.clear()
            if self.on_given is not None:
                self.on_given()

    def close(self) -> None:
        self.on_given = None
        if self._socket is not None:
            self._loop.drop(self._socket.fileno())
            self._socket.close()
            self._socket = None


def socket_name(instance: str) -> str:
    """Of the abstract socket; on the host's network it is beside those of others."""
    return f"stackup/{instance}/notify"


def sign(loop: Loop, description: Description) -> Sign | None:
    """What the container's health check waits for, when that is a sign."""
    health = description["health"]
    test = health["test"] if health else []
    if test[:1] not in ([LOG], [NOTIFY]):
        return None
    made = Sign(loop)
    if test[0] == LOG:
        made.listen(test[1])
        return made
    net = description["namespaces"]["net"]
    ns_fd = -1 if net in ("", HOST) else os.open(net, os.O_RDONLY | os.O_CLOEXEC)
    try:
        made.receive(ns_fd, socket_name(description["instance"]))
    finally:
        if ns_fd >= 0:
            os.close(ns_fd)
    return made
