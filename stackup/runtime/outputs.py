"""A container's own streams in its monitor: opened for each run, logged, given to whoever attaches, emptied at its end.

Hot. With a terminal there is one stream, which exists once the set-up has opened it inside; whoever attaches before
that waits for it, so that neither its first byte nor its size is missed.
"""

from __future__ import annotations

import os

from stackup.runtime.streams import Pump, Stdio
from stackup.runtime.terminal import DEFAULT_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stackup.runtime.description import Description
    from stackup.runtime.logwriter import LogWriter
    from stackup.runtime.loop import Loop
    from stackup.runtime.signs import Sign


class Outputs:
    """`begin` before each run, `terminal_came` when its set-up has answered at the latest, `end` after it."""

    __slots__ = ("_log", "_loop", "_pumps", "_stdin", "_stdio", "_waiters", "sign", "window")

    def __init__(self, loop: Loop, log: LogWriter) -> None:
        self._loop = loop
        self._log = log
        self._pumps: list[Pump] = []
        self._stdin = -1
        self._stdio: Stdio | None = None
        self._waiters: list[Callable[[], None]] = []
        self.window: Sequence[int] = DEFAULT_SIZE
        self.sign: Sign | None = None
        """Hears what the next run writes."""

    def begin(self, description: Description) -> Stdio:
        """Both ends of the streams of one run; ours are read as soon as the loop turns."""
        stdio = Stdio.terminal() if description["tty"] else Stdio.pipes(stdin=description["stdin_open"])
        self._stdio = stdio
        self._stdin = stdio.stdin
        if stdio.console is not None:
            self._pumps = [Pump(self._loop, b"stdout", self._log)]
            self._loop.add(stdio.console.fileno(), self._console_ready)
        else:
            self._pumps = [Pump(self._loop, stream, self._log) for stream in (b"stdout", b"stderr")]
            for pump, fd in zip(self._pumps, (stdio.stdout, stdio.stderr), strict=True):
                pump.open(fd)
        for pump in self._pumps:
            pump.hear = self._hear
        return stdio

    def _hear(self, stream: bytes, data: bytes) -> None:
        if self.sign is not None:
            self.sign.hear(stream, data)

    def _console_ready(self, _fd: int) -> None:
        self.terminal_came()

    def terminal_came(self) -> None:
        """The set-up has opened the terminal, before the program runs: it gets its size in time."""
        stdio = self._stdio
        if stdio is None or stdio.console is None:
            return
        self._loop.drop(stdio.console.fileno())
        master = stdio.take_terminal(self.window)
        if master >= 0:
            self._stdin = os.dup(master)
        self._release()
        if master >= 0:
            self._pumps[0].open(master)

    def once_open(self, act: Callable[[], None]) -> None:
        """Now, or when the terminal is there, before a byte is read from it; when it never comes, at the end."""
        if self._stdio is not None and self._stdio.console is not None:
            self._waiters.append(act)
        else:
            act()

    def _release(self) -> None:
        waiting, self._waiters = self._waiters, []
        for act in waiting:
            act()

    def take_stdin(self, *, once: bool) -> list[int]:
        """A descriptor of the program's standard input, none when it is closed; `once`: ours is given away."""
        if self._stdin < 0:
            return []
        given = os.dup(self._stdin)
        if once:
            self._close_stdin()
        return [given]

    def tap(self) -> list[int]:
        """Reading ends of what the container writes from now on: output and error output, or the terminal."""
        outer = []
        for pump in self._pumps:
            reading, writing = os.pipe2(os.O_CLOEXEC)
            pump.attach(writing)
            outer.append(reading)
        return outer

    def end(self) -> None:
        """The run is over: its last words, and nobody waits for a terminal any longer."""
        self.terminal_came()
        for pump in self._pumps:
            pump.drain()
        self._stdio = None
        self._release()
        self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    @property
    def busy(self) -> bool:
        """Somebody attached has not taken everything yet."""
        return any(pump.busy for pump in self._pumps)
