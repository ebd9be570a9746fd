"""A process's standard streams as the monitor holds them: pipes, pumped to the log and to whoever is attached.

Hot. The caller's own descriptors never go inside a container, and nothing is kept in memory for a slow reader: a stream
is read only when everybody took what was read before, so that the pipe fills and the program waits.
"""

from __future__ import annotations

import errno
import os
import socket

from stackup.runtime import loop as waiting
from stackup.runtime import terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stackup.runtime.logwriter import LogWriter

CHUNK = 32 << 10
_DRAIN = 1 << 20
"""How much is read after a program's end: the pipe's content, and no more if something else still writes to it."""


class Stdio:
    """Both ends of a process's streams; -1 where there is none. `inner` goes to the child, the rest stays ours."""

    __slots__ = ("console", "console_inner", "inner", "stderr", "stdin", "stdout")

    def __init__(self, inner: list[int], stdin: int = -1, stdout: int = -1, stderr: int = -1) -> None:
        self.inner = inner
        self.console: socket.socket | None = None
        self.console_inner: int | None = None
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr

    @classmethod
    def pipes(cls, *, stdin: bool) -> Stdio:
        inner_in, outer_in = os.pipe2(os.O_CLOEXEC) if stdin else (_null(), -1)
        outer_out, inner_out = os.pipe2(os.O_CLOEXEC)
        outer_err, inner_err = os.pipe2(os.O_CLOEXEC)
        return cls([inner_in, inner_out, inner_err], outer_in, outer_out, outer_err)

    @classmethod
    def terminal(cls) -> Stdio:
        """The child opens the terminal, in the container's own devpts, and sends our end over `console`."""
        made = cls([_null(), _null(), _null()])
        made.console, theirs = socket.socketpair()
        made.console_inner = theirs.detach()
        return made

    def take_terminal(self, size: Sequence[int]) -> int:
        """Our end of the terminal, ready for use, or -1 when the child ended without one; `console` is done with."""
        if self.console is None:
            return -1
        with self.console as console:
            self.console = None
            try:
                _data, fds, _flags, _peer = socket.recv_fds(console, 16, 1)
            except ConnectionError:
                return -1
        for fd in fds:
            os.set_inheritable(fd, False)
            terminal.resize(fd, size)
        return fds[0] if fds else -1

    @classmethod
    def one_pipe(cls) -> Stdio:
        """Output and error output together, no input."""
        outer, inner = os.pipe2(os.O_CLOEXEC)
        return cls([_null(), inner, os.dup(inner)], stdout=outer)

    @classmethod
    def nothing(cls) -> Stdio:
        return cls([_null(), _null(), _null()])

    def outer(self) -> list[int]:
        """Our ends, given away: standard input first where it is open."""
        return [fd for fd in (self.stdin, self.stdout, self.stderr) if fd >= 0]

    def started(self) -> None:
        """Close the child's ends, else end of file never comes."""
        for fd in self.inner if self.console_inner is None else (*self.inner, self.console_inner):
            os.close(fd)
        self.inner, self.console_inner = [], None

    def close(self) -> None:
        self.started()
        if self.console is not None:
            self.console.close()
            self.console = None
        for fd in (self.stdin, self.stdout, self.stderr):
            if fd >= 0:
                os.close(fd)
        self.stdin = self.stdout = self.stderr = -1


def _null() -> int:
    return os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)


class Outlet:
    """An attached command's end of a pipe."""

    __slots__ = ("backlog", "fd")

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.backlog = b""

    def put(self, data: bytes) -> bool:
        """True when there is room for more; raises BrokenPipeError when nobody reads any longer."""
        rest = self.backlog + data
        while rest:
            try:
                rest = rest[os.write(self.fd, rest) :]
            except BlockingIOError:
                break
        self.backlog = rest
        return not rest


class Pump:
    """One stream of a container: read, log, pass on. It rests while an attached command has not taken its share."""

    __slots__ = ("_fd", "_log", "_loop", "_outlets", "_stream", "hear")

    def __init__(self, loop: waiting.Loop, stream: bytes, log: LogWriter) -> None:
        self._loop = loop
        self._fd = -1
        self._stream = stream
        self._log = log
        self._outlets: list[Outlet] = []
        self.hear: Callable[[bytes, bytes], None] | None = None

    def open(self, fd: int) -> None:
        """Begin with this descriptor, which is ours from here."""
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop.add(fd, self._ready)

    def attach(self, fd: int) -> None:
        """Copy what comes from now on to `fd`, which is ours from here."""
        self._outlets.append(Outlet(fd))

    def _ready(self, _fd: int) -> None:
        data = self._read()
        if data:
            self._spread(data)
        elif data is not None:
            self.close()

    def _read(self) -> bytes | None:
        """b"" at the end, None when there is nothing just now."""
        try:
            return os.read(self._fd, CHUNK)
        except BlockingIOError:
            return None
        except OSError as problem:
            # A pseudo-terminal whose last user is gone answers EIO, pty(7).
            if problem.errno == errno.EIO:
                return b""
            raise

    def _spread(self, data: bytes) -> None:
        self._log.write(self._stream, data)
        if self.hear is not None:
            self.hear(self._stream, data)
        for outlet in list(self._outlets):
            self._pass_on(outlet, data)

    def _pass_on(self, outlet: Outlet, data: bytes) -> None:
        try:
            room = outlet.put(data)
        except (BrokenPipeError, ConnectionError):
            self._detach(outlet)
            return
        if not room:
            if self._fd >= 0:
                self._loop.drop(self._fd)
            self._loop.add(outlet.fd, lambda _fd: self._resume(outlet), waiting.WRITE)

    def _resume(self, outlet: Outlet) -> None:
        try:
            if not outlet.put(b""):
                return
            self._loop.drop(outlet.fd)
            if self._fd < 0:
                self._detach(outlet)
        except (BrokenPipeError, ConnectionError):
            self._detach(outlet)
        if self._fd >= 0 and not any(other.backlog for other in self._outlets):
            self._loop.add(self._fd, self._ready)

    def _detach(self, outlet: Outlet) -> None:
        self._outlets.remove(outlet)
        self._loop.drop(outlet.fd)
        os.close(outlet.fd)

    @property
    def busy(self) -> bool:
        """Somebody attached has not taken everything yet."""
        return any(outlet.backlog for outlet in self._outlets)

    def drain(self) -> None:
        """The program is gone: take what its pipe still holds and end the stream."""
        left = _DRAIN
        while self._fd >= 0 and left > 0:
            data = self._read()
            if not data:
                break
            left -= len(data)
            self._spread(data)
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.drop(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._log.end(self._stream)
        for outlet in list(self._outlets):
            if not outlet.backlog:
                self._detach(outlet)
