"""The command's side of `exec`, `run` and `attach`: bytes, signals and sizes go in, the exit code comes back.

Hot. Only ends of pipes or of a terminal made by the monitor are pumped; the caller's own descriptors stay here. While
it runs it owns the terminal's mode and, in the main thread, the process's signal handlers, and gives both back whatever
happens. In another thread signals stay with whoever has them.
"""

from __future__ import annotations

import os
import select
import signal

from stackup.errors import StackupError
from stackup.runtime import terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from stackup.runtime.client import Client, Conversation
    from stackup.runtime.description import Process

DETACH_KEYS = b"\x10\x11"
"""ctrl-p ctrl-q, as docker has it."""
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_PATIENCE = 3
"""So many interrupts end the waiting for a program that ignores them."""
_CHUNK = 1 << 16


class Streams:
    """The caller's descriptors; -1 for a standard input that is not passed on."""

    __slots__ = ("stderr", "stdin", "stdout")

    def __init__(self, stdin: int = 0, stdout: int = 1, stderr: int = 2) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr


def run_exec(client: Client, process: Process, streams: Streams, *, tty: bool = False, limit_s: float = 30) -> int:
    """Run a program inside a running container and wait for it: its exit code."""
    message = {
        "do": "exec", "process": process, "tty": tty, "stdin": streams.stdin >= 0,
        "size": terminal.size_of(streams.stdin if streams.stdin >= 0 else streams.stdout),
    }  # fmt: skip
    with client.open() as conversation:
        conversation.say(message)
        _answer, fds = conversation.hear_with_descriptors(limit_s)
        return Relay(conversation, streams, fds, tty=tty, stdin=streams.stdin >= 0).run()


def start_exec(client: Client, process: Process, *, limit_s: float = 30) -> None:
    """Run a program inside a running container and leave it there; returns once it runs."""
    client.request({"do": "exec", "process": process, "detach": True}, limit_s=limit_s)


def attach(
    client: Client, streams: Streams, *, once: bool = False, detach_keys: bytes = DETACH_KEYS, proxy: bool = True
) -> int:
    """Join a container's own streams until it ends (its exit code) or the detach keys are typed (0).

    `once`: the container's standard input ends with ours. A container that awaits its first client starts now. Without
    `proxy` a signal is for us: it ends the joining, and the container goes on.
    """
    with client.open() as conversation:
        conversation.say({"do": "attach", "stdin": streams.stdin >= 0, "once": once,
                          "size": terminal.size_of(streams.stdin)})  # fmt: skip
        answer, fds = conversation.hear_with_descriptors()
        relay = Relay(conversation, streams, fds, tty=bool(answer["tty"]), stdin=bool(answer["stdin"]))
        relay.detach_keys = DetachKeys(detach_keys if answer["tty"] else b"")
        relay.to_the_end, relay.proxy = True, proxy
        return relay.run()


class DetachKeys:
    """Finds a sequence of keys in what is typed, also when it comes one key at a time."""

    __slots__ = ("_keys", "_seen")

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._seen = 0

    def filter(self, data: bytes) -> tuple[bytes, bool]:
        """(what to pass on, whether the sequence is complete). Keys that may begin it are held back."""
        if not self._keys:
            return data, False
        out = bytearray()
        for key in data:
            if key == self._keys[self._seen]:
                self._seen += 1
                if self._seen == len(self._keys):
                    self._seen = 0
                    return bytes(out), True
                continue
            out += self._keys[: self._seen]
            self._seen = 1 if key == self._keys[0] else 0
            if not self._seen:
                out.append(key)
        return bytes(out), False


class Relay:
    """One pumping: owns `fds`, the monitor's ends: [standard input?, output, error output?], or [terminal]."""

    def __init__(self, conversation: Conversation, streams: Streams, fds: list[int], *, tty: bool, stdin: bool) -> None:
        self._conversation = conversation
        self._streams = streams
        self._tty = tty
        outputs = list(fds)
        self._into = -1
        if stdin:
            self._into = os.dup(outputs[0]) if len(outputs) == 1 else outputs.pop(0)
            os.set_blocking(self._into, False)
        self._from = dict(zip(outputs, (streams.stdout, streams.stderr), strict=False))
        self._unsent = b""
        self._interrupts = 0
        self._code: int | None = None
        self.detach_keys = DetachKeys(b"")
        self.to_the_end = False
        self.proxy = True
        self._poll = select.poll()

    def run(self) -> int:
        """Returns the exit code; raises when the monitor is lost."""
        reading = self._streams.stdin >= 0 and self._into >= 0
        try:
            with Signals() as signals, RawMode(self._streams.stdin if self._tty and reading else -1):
                for fd in (signals.fd, self._conversation.fileno(), *self._from):
                    self._poll.register(fd, select.POLLIN)
                if reading:
                    self._poll.register(self._streams.stdin, select.POLLIN)
                while not self._done():
                    self._turn(signals)
        finally:
            self._hang_up()
            for fd in self._from:
                os.close(fd)
        return self._code or 0

    def _done(self) -> bool:
        if self._code is None:
            return False
        if self.to_the_end:
            return not self._from
        # What the program wrote is in the pipe before it ends; only a child that it left behind could write more.
        for fd in list(self._from):
            os.set_blocking(fd, False)
            while fd in self._from and self._copy_out(fd):
                continue
        return True

    def _turn(self, signals: Signals) -> None:
        ready = {fd for fd, _ in self._poll.poll()}
        if signals.fd in ready:
            for number in signals.take():
                self._pass_signal(number)
        for fd in [fd for fd in self._from if fd in ready]:
            self._copy_out(fd)
        if self._into in ready:
            self._push()
        if self._streams.stdin in ready and not self._unsent and self._into >= 0:
            self._copy_in()
        if self._conversation.fileno() in ready and self._code is None:
            self._listen()

    def _listen(self) -> None:
        try:
            self._conversation.read()
            while self._conversation.heard:
                self._code = int(self._conversation.hear().get("exit", 0))
        except StackupError:
            if self._code is None:
                raise
        if self._code is not None:
            self._poll.unregister(self._conversation.fileno())

    def _copy_out(self, fd: int) -> bool:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # a terminal whose program is gone answers EIO, pty(7)
        if not data:
            self._poll.unregister(fd)
            self._from.pop(fd)
            os.close(fd)
            return False
        target = self._from[fd]
        while data:
            data = data[os.write(target, data) :]
        return True

    def _copy_in(self) -> None:
        data = os.read(self._streams.stdin, _CHUNK)
        if not data:
            self._poll.unregister(self._streams.stdin)
            if not self._tty:
                self._hang_up()
                return
            data = b"\x04"  # a terminal has no end of file but the key for it
        data, detached = self.detach_keys.filter(data)
        self._unsent = data
        self._push()
        if detached:
            self._code = 0
            self.to_the_end = False

    def _push(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._into, self._unsent) :]
        except BlockingIOError:
            self._poll.register(self._into, select.POLLOUT)
            return
        except OSError:
            self._unsent = b""  # nobody reads its input any longer
            self._hang_up()
            return
        if self._into not in self._from:
            self._forget(self._into)

    def _forget(self, fd: int) -> None:
        try:
            self._poll.unregister(fd)
        except KeyError:
            return

    def _hang_up(self) -> None:
        if self._into >= 0:
            self._forget(self._into)
            self._forget(self._streams.stdin)
            os.close(self._into)
            self._into = -1

    def _pass_signal(self, number: int) -> None:
        if number == signal.SIGWINCH:
            if self._tty and self._into >= 0:
                terminal.resize(self._into, terminal.size_of(self._streams.stdin))
            return
        self._interrupts += number == signal.SIGINT
        if self._interrupts >= _PATIENCE or not self.proxy:
            self._code, self.to_the_end = 128 + number, False
            return
        self._conversation.say({"do": "signal", "signal": number})


class Signals:
    """Signals as bytes on a descriptor while the `with` lasts; the former handlers come back."""

    def __enter__(self) -> Signals:
        self.fd, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._before: Mapping[int, Any] = {}
        try:
            self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except ValueError:  # not the main thread: signals are somebody else's
            return self
        numbers = (*_FORWARDED, signal.SIGWINCH)
        self._before = {number: signal.signal(number, _woken) for number in numbers}
        return self

    def take(self) -> bytes:
        try:
            return os.read(self.fd, 64)
        except BlockingIOError:
            return b""

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        if self._before:
            signal.set_wakeup_fd(self._wakeup)
        os.close(self.fd)
        os.close(self._write)


def _woken(_number: int, _frame: object) -> None:
    """The byte on the descriptor says it."""


class RawMode:
    """The caller's terminal passes every key while the `with` lasts; -1: there is none."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        self._before = terminal.make_raw(self._fd) if self._fd >= 0 else None

    def __exit__(self, _kind: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        terminal.restore(self._fd, self._before)
