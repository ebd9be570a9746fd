"""The ways to look whether a container is well: run a command in it, or look from outside without any process in it.

Hot. A probe is begun, and says once how it ended: an exit code, 0 for well, and a text. Who begins, limits and judges
them is `prober`. What is looked at from outside is the container's network namespace and its root, never the host's.
"""

from __future__ import annotations

import os
import socket

from stackup.errors import StackupError
from stackup.kernel import calls, netns
from stackup.kernel.abi import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS
from stackup.runtime import loop as waiting
from stackup.runtime.guest import nobody
from stackup.runtime.health import KEPT_OUTPUT, TIMED_OUT
from stackup.runtime.signs import HOST, LOG, NOTIFY
from stackup.runtime.streams import Stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from stackup.runtime.description import Process
    from stackup.runtime.guest import Guest, Inside
    from stackup.runtime.loop import Loop
    from stackup.runtime.signs import Sign

    Over = Callable[[int, str], None]

    class Look(Protocol):
        def begin(self, over: Over) -> None: ...

        def close(self) -> str:
            """Give up, and whoever waited is told nothing; what has been said so far."""
            ...


TCP, HTTP, FILE = "stackup:tcp", "stackup:http", "stackup:file"
FAILED = 1


def look(loop: Loop, test: Sequence[str], inside: Inside, sign: Sign | None) -> Look:
    """By the first word of a health check's test."""
    if test[0] in (LOG, NOTIFY):
        assert sign is not None, "made before the run"
        return Given(sign)
    if test[0] == FILE:
        return Exists(inside, test[1])
    if test[0] in (TCP, HTTP):
        return Connects(loop, inside, test[1], test[2] if test[0] == HTTP else "")
    return Runs(loop, inside, test)


class Runs:
    """A command, in a control group of its own; 4 KiB of its output are kept."""

    __slots__ = ("_argv", "_failure", "_guest", "_inside", "_loop", "_out", "_over", "_said")

    def __init__(self, loop: Loop, inside: Inside, argv: Sequence[str]) -> None:
        self._loop = loop
        self._inside = inside
        self._argv = list(argv)
        self._guest: Guest | None = None
        self._out = -1
        self._said, self._failure = b"", ""

    def begin(self, over: Over) -> None:
        self._over = over
        stdio = Stdio.one_pipe()
        self._out = stdio.stdout
        os.set_blocking(self._out, False)
        process: Process = {**self._inside.description["process"], "argv": self._argv}
        try:
            self._guest = self._inside.enter(process, stdio)
        except StackupError as problem:
            self._failure = problem.message
            self._ended(TIMED_OUT)
            return
        finally:
            stdio.started()
        self._guest.on_answer = self._answered
        self._guest.on_end = self._ended
        self._loop.add(self._out, self._output)

    def _answered(self, failure: dict[str, object] | None) -> None:
        if failure:
            self._failure = str(failure.get("message") or "the probe could not be started")

    def _output(self, _fd: int) -> None:
        try:
            data = os.read(self._out, 1 << 16)
        except BlockingIOError:
            return
        self._said = (self._said + data)[:KEPT_OUTPUT]
        if not data:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._out >= 0:
            self._loop.drop(self._out)
            os.close(self._out)
            self._out = -1

    def _ended(self, code: int) -> None:
        self._guest = None
        self._over(code, self._words())

    def _words(self) -> str:
        if self._out >= 0:
            self._output(self._out)
        self._hang_up()
        return self._said.decode(errors="replace") + self._failure

    def close(self) -> str:
        """Kill it without waiting: a process in uninterruptible sleep must not end the checking."""
        if self._guest is not None:
            self._guest.on_answer = self._guest.on_end = nobody
            self._guest.kill()
            self._guest = None
        return self._words()


class Connects:
    """A connection to the container's loopback, first in IPv4; with a path, an answer of HTTP below 400 as well."""

    __slots__ = ("_inside", "_left", "_loop", "_over", "_path", "_port", "_said", "_socket")

    def __init__(self, loop: Loop, inside: Inside, port: str, path: str) -> None:
        self._loop = loop
        self._inside = inside
        self._port = int(port)
        self._path = path
        self._left = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
        self._socket: socket.socket | None = None
        self._said = b""

    def begin(self, over: Over) -> None:
        self._over = over
        self._try(f"nothing listens on port {self._port}")

    def _try(self, otherwise: str) -> None:
        """The next address, or the end."""
        self.close()
        if not self._left:
            self._over(FAILED, otherwise)
            return
        family, address = self._left.pop(0)
        try:
            self._socket = self._made(family)
            self._socket.connect_ex((address, self._port))
        except (OSError, StackupError) as problem:
            self._try(str(problem))
            return
        self._loop.add(self._socket.fileno(), self._connected, waiting.WRITE)

    def _made(self, family: int) -> socket.socket:
        kind, net = socket.SOCK_STREAM | socket.SOCK_NONBLOCK, self._inside.description["namespaces"]["net"]
        if net == HOST:
            return socket.socket(family, kind)
        ns_fd = os.open(net or f"/proc/{self._inside.init.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return netns.socket_in(ns_fd, family, kind)
        finally:
            os.close(ns_fd)

    def _connected(self, fd: int) -> None:
        assert self._socket is not None
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._try(f"port {self._port}: {os.strerror(error).lower()}")
        elif not self._path:
            self._end(0, f"port {self._port} takes connections")
        else:
            try:
                self._socket.send(f"GET {self._path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            except OSError as problem:
                self._end(FAILED, f"port {self._port}: {problem.strerror}")
                return
            self._loop.add(fd, self._answered)

    def _answered(self, _fd: int) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(KEPT_OUTPUT)
        except BlockingIOError:
            return
        except OSError as problem:
            self._end(FAILED, f"port {self._port}: {problem.strerror}")
            return
        self._said = (self._said + data)[:KEPT_OUTPUT]
        if data and b"\n" not in self._said and len(self._said) < KEPT_OUTPUT:
            return
        line = self._said.partition(b"\n")[0].strip()
        words = line.split(None, 2)
        well = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() and 200 <= int(words[1]) < 400
        self._end(0 if well else FAILED, f"{self._path}: {line.decode(errors='replace') or 'no answer'}")

    def _end(self, code: int, said: str) -> None:
        self.close()
        self._over(code, said)

    def close(self) -> str:
        if self._socket is not None:
            self._loop.drop(self._socket.fileno())
            self._socket.close()
            self._socket = None
        return self._said.decode(errors="replace")


class Exists:
    """A file in the container, found beneath its root whatever links lie on the way. It is not opened."""

    __slots__ = ("_inside", "_path")

    def __init__(self, inside: Inside, path: str) -> None:
        self._inside = inside
        self._path = path

    def begin(self, over: Over) -> None:
        try:
            root = os.open(f"/proc/{self._inside.init.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
                os.close(calls.openat2(root, self._path, os.O_PATH | os.O_CLOEXEC, how))
            finally:
                os.close(root)
        except (OSError, StackupError) as problem:
            over(FAILED, f"{self._path}: {(getattr(problem, 'strerror', '') or 'no such file').lower()}")
            return
        over(0, f"{self._path} is there")

    def close(self) -> str:
        return ""


class Given:
    """A sign of the program's own; it is waited for as long as it takes, and then never again."""

    __slots__ = ("_sign",)

    def __init__(self, sign: Sign) -> None:
        self._sign = sign

    def begin(self, over: Over) -> None:
        def given() -> None:
            over(0, self._sign.told)

        if self._sign.told:
            given()
        else:
            self._sign.on_given = given

    def close(self) -> str:
        self._sign.on_given = None
        return ""
