"""A container's output on its way to disk: time-stamped lines in bounded files. The monitor's side; `logs` reads them.

Hot. One record a line, as the CRI has it: `<RFC 3339, nanoseconds> stdout|stderr F|P <bytes>`. F ends a line of the
program's, P does not: output without a newline, or a piece of a line longer than 16 KiB. Every field but the last has a
fixed width.
The bytes are the program's own, whatever they are. A full disk loses output, never the container.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 16 << 10
MAX_SIZE = 16 << 20
MAX_FILE = 3
"""Where the stack file sets no bound: 48 MiB a container."""
_written: dict[int, bytes] = {}
"""The last second's text."""


class LogWriter:
    """`write` takes what was read from a stream; `end` is for its end of file. `problem` says why output was lost."""

    __slots__ = ("_fd", "_max_file", "_max_size", "_rest", "_size", "path", "problem")

    def __init__(self, path: str, log: Mapping[str, int | str]) -> None:
        self.path = path
        self.problem = ""
        self._fd = -1
        self._size = 0
        self._rest: dict[bytes, bytes] = {}
        self.bound(log)

    def bound(self, log: Mapping[str, int | str]) -> None:
        """Take new limits; also in the middle of a run. A driver other than `none` is written as files."""
        size = int(log.get("max_size") or 0)
        self._max_size = size if size > 0 else MAX_SIZE
        self._max_file = max(1, int(log.get("max_file") or (1 if size > 0 else MAX_FILE)))
        if log.get("driver") == "none":
            self._max_file = 0
            self.close()

    def write(self, stream: bytes, data: bytes) -> None:
        lines = (self._rest.pop(stream, b"") + data).split(b"\n")
        rest = lines.pop()
        head = stamp(time.time_ns()) + b" " + stream
        full, part = head + b" F ", head + b" P "
        out = b""
        if lines and max(map(len, lines)) <= LONGEST:
            out = full + (b"\n" + full).join(lines) + b"\n"
        elif lines:
            out = b"".join(_cut(line, full, part) for line in lines)
        if len(rest) >= LONGEST:
            keep = len(rest) % LONGEST
            out += _pieces(rest[: len(rest) - keep], part)
            rest = rest[len(rest) - keep :]
        if rest:
            self._rest[stream] = rest
        if out:
            self._append(out)

    def end(self, stream: bytes) -> None:
        """Nothing more comes: what is left had no newline, and the record says so."""
        rest = self._rest.pop(stream, b"")
        if rest:
            self._append(stamp(time.time_ns()) + b" " + stream + b" P " + rest + b"\n")

    def _append(self, out: bytes) -> None:
        if not self._max_file:
            return
        try:
            if self._fd < 0:
                self._open()
            if self._size and self._size + len(out) > self._max_size:
                self._rotate()
            self._size += len(out)
            rest = memoryview(out)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            self.problem = ""
        except OSError as problem:
            self.problem = f'output is lost: cannot write "{self.path}": {(problem.strerror or "").lower()}'

    def _open(self) -> None:
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        """Renames first, so that a reader who holds the old file finds the next ones by their names."""
        self.close()
        names = [self.path, *(f"{self.path}.{number}" for number in range(1, self._max_file))]
        if len(names) == 1:
            os.unlink(self.path)
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if os.path.lexists(newer):
                os.rename(newer, older)
        self._open()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def stamp(nanoseconds: int) -> bytes:
    """RFC 3339 in UTC. The text of a second is kept: lines come by the thousand in one."""
    second, rest = divmod(nanoseconds, 1_000_000_000)
    if second not in _written:
        _written.clear()
        _written[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
    return b"%s.%09dZ" % (_written[second], rest)


def _cut(line: bytes, full: bytes, part: bytes) -> bytes:
    """One line of the program's: pieces of at most LONGEST, the last of them marked full."""
    split = max(0, len(line) - 1) // LONGEST * LONGEST
    return _pieces(line[:split], part) + full + line[split:] + b"\n"


def _pieces(data: bytes, part: bytes) -> bytes:
    return b"".join(part + data[at : at + LONGEST] + b"\n" for at in range(0, len(data), LONGEST))
