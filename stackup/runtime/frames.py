"""JSON messages over a stream socket: six bytes of lengths, then the text; descriptors ride on the first byte.

Hot, and shared by both ends: the launcher's command line of descriptions and every monitor's control socket. A peer
that sends nonsense costs its own connection and nothing else.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct

from stackup.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

LONGEST = 64 << 20
"""An environment may be large (2 MiB is the kernel's limit for exec); more than this is not a message of ours."""
_CHUNK = 1 << 16
MOST_FDS = 250
"""SCM_MAX_FD is 253, unix(7)."""
_HEAD = struct.Struct("!IH")
_ANCILLARY = socket.CMSG_SPACE(MOST_FDS * 4)


def encode(message: Any, descriptors: int = 0) -> bytes:
    """The head says how many descriptors belong to the message: one read may return the end of another one first."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return _HEAD.pack(len(text), descriptors) + text


class Channel:
    """One end of a stream socket. Blocking or not is the socket's business; partial messages are kept here."""

    __slots__ = ("_fds", "_got", "_todo", "socket")

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._got = bytearray()
        self._fds: list[int] = []
        self._todo: list[tuple[memoryview, list[int]]] = []

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def sending(self) -> bool:
        """Something is queued that the peer has not taken yet."""
        return bool(self._todo)

    def queue(self, message: Any, fds: Sequence[int] = ()) -> None:
        """Put a message in line; `flush` sends. The descriptors stay the caller's until `flush` returned True."""
        self._todo.append((memoryview(encode(message, len(fds))), list(fds)))

    def flush(self) -> bool:
        """Send as much as the socket takes: True when nothing is left, False when it would block."""
        while self._todo:
            rest, fds = self._todo[0]
            extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            try:
                sent = self.socket.sendmsg([rest], extra, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return False
            if sent == len(rest):
                self._todo.pop(0)
            else:
                self._todo[0] = (rest[sent:], [])
        return True

    def send(self, message: Any, fds: Sequence[int] = ()) -> bool:
        self.queue(message, fds)
        return self.flush()

    def receive(self) -> tuple[bool, list[tuple[Any, list[int]]]]:
        """One read: (still open, the messages that are now whole with their descriptors, owned by the caller)."""
        try:
            data, extra, _flags, _peer = self.socket.recvmsg(_CHUNK, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return True, []
        except ConnectionError:
            return False, []
        for level, kind, raw in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                held = array.array("i")
                held.frombytes(raw[: len(raw) - len(raw) % held.itemsize])
                self._fds.extend(held)
        self._got += data
        return bool(data), self._whole()

    def _whole(self) -> list[tuple[Any, list[int]]]:
        found: list[tuple[Any, list[int]]] = []
        while len(self._got) >= _HEAD.size:
            length, count = _HEAD.unpack_from(self._got)
            if length > LONGEST:
                raise HostError("a message on a control socket is too long to be one of ours")
            whole = _HEAD.size + length
            if len(self._got) < whole:
                break
            text = bytes(self._got[_HEAD.size : whole])
            del self._got[:whole]
            try:
                message = json.loads(text)
            except ValueError as problem:
                raise HostError("a message on a control socket is not JSON") from problem
            found.append((message, self._fds[:count]))
            del self._fds[:count]
        return found

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        self.socket.close()
