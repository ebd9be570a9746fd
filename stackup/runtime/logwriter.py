"""A container's output on its way to disk: time-stamped lines in bounded files. The monitor's side; `logs` reads them.

Hot. One record a line, as the CRI has it: `<RFC 3339, nanoseconds> stdout|stderr F|P <bytes>`. F ends a line of the
program's, P does not: output without a newline, or a piece of a line longer than 16 KiB. Every field but the last has a
fixed width. The bytes are the program's own, whatever they are. A full disk loses output, never the container: what is
lost is counted, and said where it is missing. A file that somebody removes is followed by the next.
"""

from __future__ import annotations

import os
import time

from stackup.runtime import logfiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

LONGEST = 16 << 10
MAX_SIZE = 16 << 20
MAX_FILE = 3
"""Where the stack file sets no bound: 48 MiB a container."""
_written: dict[int, bytes] = {}
"""The last second's text."""


class LogWriter:
    """`write` takes what was read from a stream; `end` is for its end of file.

    `problem` says why output was lost, and how much; `on_problem` is called when that begins and when it is over,
    `on_written` when there is something to read, `on_full` with the path of a file that will not grow any more.
    """

    __slots__ = (
        "_fd", "_lost", "_max_file", "_max_size", "_number", "_rest", "_torn", "_unsaid", "folder", "on_full",
        "on_problem", "on_written", "problem",
    )  # fmt: skip

    def __init__(self, folder: str, log: Mapping[str, Any]) -> None:
        self.folder = folder
        self.problem = ""
        self.on_problem: Callable[[], None] | None = None
        self.on_written: Callable[[], None] | None = None
        self.on_full: Callable[[str], None] | None = None
        self._fd = -1
        self._number = 0
        self._rest: dict[bytes, bytes] = {}
        self._lost = self._unsaid = 0
        self._torn = False
        self.bound(log)

    def bound(self, log: Mapping[str, Any]) -> None:
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
        ahead = self._account() if self._unsaid else b""
        out, at = ahead + out, 0
        try:
            while at < len(out):
                end = self._room(out, at)
                at += os.write(self._fd, out[at:end] if at or end < len(out) else out)
        except OSError as problem:
            self._lose(out.count(b"\n", max(at, len(ahead))), (problem.strerror or "").lower())
            self._torn = self._torn if not at else out[at - 1 : at] != b"\n"
            return
        if ahead:
            self._torn, self._unsaid = False, 0
            self.problem = f"{self._lost} lines of output were lost"
            self._tell()
        if self.on_written is not None:
            self.on_written()

    def _account(self) -> bytes:
        """Where output is missing the log says so, on a line of its own."""
        torn = b"\n" if self._torn else b""
        return torn + stamp(time.time_ns()) + b" losses F [%d lines of output were lost here]\n" % self._unsaid

    def _lose(self, lines: int, why: str) -> None:
        begins = not self._unsaid
        self._lost += lines
        self._unsaid += lines
        self.problem = f'output is lost, {self._lost} lines so far: cannot write in "{self.folder}": {why}'
        if begins:
            self._tell()

    def _tell(self) -> None:
        if self.on_problem is not None:
            self.on_problem()

    def _room(self, out: bytes, at: int) -> int:
        """How far `out` may be written from `at` on; a new file is begun where the current one is full or was removed.
        A record is never split.
        """
        if self._fd < 0:
            self._open()
        found = os.fstat(self._fd)
        if not found.st_nlink:
            self._begin()
            return self._room(out, at)
        left = self._max_size - found.st_size
        if len(out) - at <= left:
            return len(out)
        end = out.rfind(b"\n", at, at + left) + 1 if left > 0 else 0
        if end > at:
            return end
        if not found.st_size:
            return out.index(b"\n", at) + 1
        full = self._number
        self._begin()
        logfiles.drop(self.folder, self._number - self._max_file)
        if self.on_full is not None and self._max_file > 1:
            self.on_full(logfiles.place(self.folder, full))
        return self._room(out, at)

    def _open(self) -> None:
        """Go on with the newest file, also an earlier run's."""
        self._number = self._number or max(logfiles.numbers(self.folder), default=1)
        path = logfiles.place(self.folder, self._number)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _begin(self) -> None:
        """The next file: a reader of the last one finds it by its number."""
        self.close()
        self._number += 1
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
