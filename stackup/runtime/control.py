"""A monitor's control socket: who may talk to it, what may be asked, and the answers. The client's side is `client`.

Hot. A path socket of mode 0600 in the live folder, never an abstract one, and the peer's user is checked, so that a
container on the host's network cannot reach it. One connection is one conversation:

    {"do": "status"}                      -> {"status": Status}
    {"do": "watch"}                       -> {"status": Status}, again after every change, until closed
    {"do": "stop", "signal", "grace", "hooks", "parked"}
                                          -> {"exit": code} when it ended, or {"error"} when it did not
    {"do": "hooks", "hooks"}              -> {"done": true} when each has ended well
    {"do": "kill", "signal"}              -> {"done": true}
    {"do": "exec", "process", "tty", "stdin", "size", "detach"}
                                          -> {"started": true} with descriptors, then {"exit": code};
                                             {"do": "signal", "signal"} meanwhile goes to it
    {"do": "attach", "stdin", "once"}     -> {"attached": true, "tty", "stdin"} with descriptors, then {"exit": code}
    {"do": "update", "what", "value"}     -> {"done": true}
    {"do": "write"}                       -> {"done": true} when the status was written once more

Durations are nanoseconds; every answer may be {"error": {message, subject, hint, code}} instead.
"""

from __future__ import annotations

import os
import socket
import struct

from stackup import layout
from stackup.errors import HostError, StackupError, UsageError, shortened
from stackup.kernel import files
from stackup.runtime import loop as waiting
from stackup.runtime.frames import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from stackup.runtime.description import Status

    Request = Callable[["Conversation", Mapping[str, Any]], None]

_BACKLOG = 128


def fault(problem: StackupError) -> dict[str, dict[str, str]]:
    """An error as an answer."""
    said = {"message": problem.message, "subject": problem.subject, "hint": problem.hint, "code": problem.code}
    return {"error": {key: shortened(text) for key, text in said.items()}}


def through_descriptor(folder: str, use: Callable[[str], None]) -> None:
    """Bind or connect by a short path: sun_path holds 107 bytes, unix(7), and state roots may be deeper."""
    dir_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        use(f"/proc/self/fd/{dir_fd}/{layout.CONTROL}")
    finally:
        os.close(dir_fd)


class Conversation:
    """One client. `answer` never blocks; a client that does not read is dropped once its answers pile up."""

    __slots__ = ("_channel", "_control", "_keep", "_stale", "on_close", "on_signal", "watching")

    def __init__(self, control: Control, sock: socket.socket) -> None:
        self._control = control
        self._channel = Channel(sock)
        self._keep: list[int] = []
        self._stale = False
        self.watching = False
        self.on_signal: Callable[[str | int], None] | None = None
        self.on_close: Callable[[], None] | None = None
        control.loop.add(sock.fileno(), self._ready)

    def answer(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        """Takes over the descriptors."""
        self._keep.extend(fds)
        if self._channel.fileno() < 0:
            self._release()
            return
        if self.watching and self._channel.sending:
            self._stale = True
        else:
            self._channel.queue(message, fds)
        self._flush()

    def _flush(self) -> None:
        try:
            sent = self._channel.flush()
        except OSError:
            self.close()
            return
        events = waiting.READ if sent else waiting.READ | waiting.WRITE
        self._control.loop.add(self._channel.fileno(), self._ready, events)
        if sent:
            self._release()
            if self._stale:
                self._stale = False
                self._control.renew(self)

    @property
    def unsaid(self) -> bool:
        return self._channel.sending

    def _release(self) -> None:
        for fd in self._keep:
            os.close(fd)
        self._keep.clear()

    def _ready(self, _fd: int) -> None:
        if self._channel.sending:
            self._flush()
            if self._channel.fileno() < 0:
                return
        try:
            still_open, messages = self._channel.receive()
        except (StackupError, OSError):
            self.close()
            return
        for message, fds in messages:
            for fd in fds:
                os.close(fd)
            self._control.dispatch(self, message)
        if not still_open:
            self.close()

    def close(self) -> None:
        if self._channel.fileno() >= 0:
            self._control.loop.drop(self._channel.fileno())
            self._channel.close()
        self._release()
        self._control.conversations.discard(self)
        hung_up, self.on_close = self.on_close, None
        if hung_up is not None:
            hung_up()


class Control:
    """The listening socket and its conversations. `requests` names what a monitor can do."""

    __slots__ = ("_live_dir", "_requests", "_socket", "_status", "conversations", "loop")

    def __init__(
        self, loop: waiting.Loop, live_dir: str, requests: Mapping[str, Request], status: Callable[[], Status]
    ) -> None:
        self.loop = loop
        self._live_dir = live_dir
        self._requests = requests
        self._status = status
        self.conversations: set[Conversation] = set()
        files.make_dir(live_dir)
        files.remove(os.path.join(live_dir, layout.CONTROL))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            # The launcher's umask is 077 and the folder is the owner's alone: nobody else gets in between.
            through_descriptor(live_dir, self._socket.bind)
            os.chmod(os.path.join(live_dir, layout.CONTROL), 0o600)
            self._socket.listen(_BACKLOG)
        except OSError as problem:
            self._socket.close()
            raise files.host_error(problem, "cannot listen on", os.path.join(live_dir, layout.CONTROL)) from problem
        loop.add(self._socket.fileno(), self._accept)

    def _accept(self, _fd: int) -> None:
        try:
            sock, _peer = self._socket.accept()
        except OSError:
            return
        _pid, uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (0, os.geteuid()):
            sock.close()
            return
        sock.setblocking(False)
        self.conversations.add(Conversation(self, sock))

    def dispatch(self, who: Conversation, message: Any) -> None:
        """Do what was asked, or say why not; a request cannot end the monitor."""
        try:
            what = message.get("do") if isinstance(message, dict) else None
            if what == "status":
                who.answer({"status": self._status()})
            elif what == "watch":
                who.answer({"status": self._status()})
                who.watching = True
            elif what == "signal" and who.on_signal is not None:
                who.on_signal(message.get("signal", ""))
            elif isinstance(what, str) and what in self._requests:
                self._requests[what](who, message)
            else:
                raise UsageError(f'this monitor does not know the request "{what}"', subject=str(what))
        except StackupError as problem:
            who.answer(fault(problem))
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            who.answer(fault(UsageError(f"this is not a request: {problem}", subject=str(what))))
        except OSError as problem:
            who.answer(fault(HostError(f"{what}: {(problem.strerror or str(problem)).lower()}", subject=str(what))))

    def push(self) -> None:
        """Tell the watchers. One that has not read the last status gets the next change, not a queue of them."""
        for who in [who for who in self.conversations if who.watching]:
            self.renew(who)

    def renew(self, who: Conversation) -> None:
        who.answer({"status": self._status()})

    def hush(self) -> None:
        """Take the socket away, after the last status is written: who finds it gone reads the file, which is final."""
        if self._socket.fileno() >= 0:
            self.loop.drop(self._socket.fileno())
            self._socket.close()
            files.remove(os.path.join(self._live_dir, layout.CONTROL))
