"""Reading what a container wrote: the tail, a span of time, or as it comes. The command's side; `logwriter` writes.

Hot: `logs` is one of the verbs that import nothing dear. An entry is (nanoseconds since the epoch, b"stdout" or
b"stderr", bytes), the bytes with their newline if the program wrote one, so that joining a stream's entries gives what
it wrote.
Following sleeps in the kernel: inotify for the files, a pidfd for the monitor that ends them.
"""

from __future__ import annotations

import os
import select
import struct
import time

from stackup import layout
from stackup.kernel import calls, files, proc
from stackup.runtime import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Entry = tuple[int, bytes, bytes]

_BLOCK = 1 << 18
_STREAM = slice(31, 37)
_MARK = slice(38, 39)
_BYTES = 40
_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_known_seconds: dict[bytes, int] = {}


def read(directory: str, *, tail: int = -1, since: int = 0, until: int = 0) -> Iterator[Entry]:
    """Everything that is on disk now; `tail` counts lines, `since` and `until` are nanoseconds since the epoch."""
    lines = iter(_last(directory, tail)) if tail >= 0 else _all(directory, since)
    for line in lines:
        entry = parse(line)
        if entry is None or entry[0] < since:
            continue
        if until and entry[0] > until:
            return
        yield entry


def parse(line: bytes) -> Entry | None:
    """One record without its newline; None for what is not one (a torn write of a lost machine)."""
    if len(line) < _BYTES or line[29:31] != b"Z " or line[_MARK] not in (b"F", b"P"):
        return None
    try:
        at = _seconds(line[:19]) * 1_000_000_000 + int(line[20:29])
    except ValueError:
        return None
    return at, line[_STREAM], line[_BYTES:] + (b"\n" if line[_MARK] == b"F" else b"")


def _seconds(text: bytes) -> int:
    """Seconds since the epoch of `2026-11-23T18:06:53`; lines come by the thousand in one second, so some are kept."""
    value = _known_seconds.get(text, 0)
    if not value:
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        # Days since the epoch in the proleptic Gregorian calendar, with the year starting in March.
        shifted = year - (month < 3)
        days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400
        days += (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1 - 719468
        value = days * 86400 + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
        if len(_known_seconds) > 64:
            _known_seconds.clear()
        _known_seconds[text] = value
    return value


def open_files(directory: str) -> list[int]:
    """Descriptors of the log's files, newest first, the caller's to close.

    Opened in the direction in which a rotation renames: a file may then be met twice, as its inode tells, never missed.
    """
    numbers = [0]
    for name in files.list_dir(directory):
        if name.startswith(f"{layout.LOG}.") and name[len(layout.LOG) + 1 :].isdigit():
            numbers.append(int(name[len(layout.LOG) + 1 :]))
    path = os.path.join(directory, layout.LOG)
    found: dict[tuple[int, int], int] = {}
    number, fd = 0, -1
    while fd >= 0 or number <= max(numbers) + 1:
        fd = _open(f"{path}.{number}" if number else path)
        if fd >= 0 and found.setdefault(_identity(fd), fd) != fd:
            os.close(fd)
        number += 1
    return list(found.values())


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1


def _identity(fd: int) -> tuple[int, int]:
    known = os.fstat(fd)
    return known.st_ino, known.st_dev


def _all(directory: str, since: int) -> Iterator[bytes]:
    fds = open_files(directory)
    try:
        for fd in reversed(fds):
            if os.fstat(fd).st_mtime_ns >= since:
                yield from _forwards(fd)
    finally:
        for fd in fds:
            os.close(fd)


def _forwards(fd: int) -> Iterator[bytes]:
    rest = b""
    while data := os.read(fd, _BLOCK):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        yield from lines


def _last(directory: str, count: int) -> list[bytes]:
    """The records of the last `count` lines, oldest first; files are read from their ends."""
    fds = open_files(directory)
    try:
        kept = _last_of(fds, [whole_end(fd) for fd in fds], count)
    finally:
        for fd in fds:
            os.close(fd)
    kept.reverse()
    return kept


def _last_of(fds: list[int], ends: list[int], count: int) -> list[bytes]:
    kept: list[bytes] = []
    full = 0
    for fd, end in zip(fds, ends, strict=True):
        for line in _backwards(fd, end):
            full += line[_MARK] == b"F"
            if full > count:
                return kept
            if count:
                kept.append(line)
    return kept


def whole_end(fd: int) -> int:
    """Where the last whole record ends: a reader may see half of what is just being written."""
    size = os.fstat(fd).st_size
    start = max(0, size - _BLOCK)
    return start + os.pread(fd, size - start, start).rfind(b"\n") + 1


def _backwards(fd: int, end: int) -> Iterator[bytes]:
    rest = b""
    while end > 0:
        start = max(0, end - _BLOCK)
        lines = (os.pread(fd, end - start, start) + rest).split(b"\n")
        rest, end = lines[0], start
        yield from (line for line in reversed(lines[1:]) if line)
    if rest:
        yield rest


class Tail:
    """One log's growing end. `take` returns what came since the last call, over any number of rotations."""

    __slots__ = ("_fd", "_rest", "directory")

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._fd = -1
        self._rest = b""

    def begin(self, tail: int) -> list[Entry]:
        """Take a position: before everything (-1), or after the last lines, which are returned."""
        fds = open_files(self.directory)
        if not fds:
            return []
        self._fd = fds[-1] if tail < 0 else fds[0]
        kept: list[bytes] = []
        if tail >= 0:
            ends = [whole_end(fd) for fd in fds]
            kept = _last_of(fds, ends, tail)
            os.lseek(self._fd, ends[0], os.SEEK_SET)
        for fd in fds:
            if fd != self._fd:
                os.close(fd)
        return [entry for entry in map(parse, reversed(kept)) if entry is not None]

    def take(self) -> Iterator[Entry]:
        """What came since the last call; before `begin`, or while there was no log, everything."""
        if self._fd < 0:
            self.begin(-1)
        while self._fd >= 0:
            yield from self._drain()
            newer = self._newer()
            if newer < 0:
                return
            # What the writer added before it renamed the file.
            yield from self._drain()
            os.close(self._fd)
            self._fd = newer

    def _drain(self) -> Iterator[Entry]:
        while data := os.read(self._fd, _BLOCK):
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                entry = parse(line)
                if entry is not None:
                    yield entry

    def _newer(self) -> int:
        """The file that follows ours, or -1 when ours is the current one. Ours gone: the oldest that is left."""
        ours = _identity(self._fd)
        following = -1
        fds = open_files(self.directory)
        for fd in fds:
            if _identity(fd) == ours:
                break
            following = fd
        for fd in fds:
            if fd != following:
                os.close(fd)
        return following

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Follow:
    """Several logs as they grow: iterate for (index, entries). A log ends when its container ended for good.

    `tail` lines of each that are there already come first (-1: all). `stop_fd` readable ends all of it (a signal's
    pipe, say); `deadline` is on the monotonic clock.
    """

    def __init__(self, directories: Sequence[str], *, tail: int = -1, stop_fd: int = -1, deadline: float = 0) -> None:
        self._tail = tail
        self.stop_fd = stop_fd
        self.deadline = deadline
        self._tails = {index: Tail(directory) for index, directory in enumerate(directories)}
        self._inotify = calls.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self._watches: dict[int, int] = {}
        self._pidfds: dict[int, int] = {}
        self._poll = select.poll()
        self._poll.register(self._inotify, select.POLLIN)
        if stop_fd >= 0:
            self._poll.register(stop_fd, select.POLLIN)
        for index, one in self._tails.items():
            wd = calls.inotify_add_watch(self._inotify, one.directory, _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE)
            self._watches[wd] = index

    def __iter__(self) -> Iterator[tuple[int, list[Entry]]]:
        changed = set(self._tails)
        try:
            for index, tail in self._tails.items():
                entries = tail.begin(self._tail)
                if entries:
                    yield index, entries
            while self._tails:
                for index in sorted(changed & self._tails.keys()):
                    yield from self._news(index)
                if not self._tails:
                    return
                changed = self._wait()
                if not changed:
                    return
        finally:
            self.close()

    def _news(self, index: int) -> Iterator[tuple[int, list[Entry]]]:
        # The status is read first: whatever a container wrote is on disk before its monitor says that it ended.
        over = self._over(index)
        tail = self._tails[index]
        entries = list(tail.take())
        if entries:
            yield index, entries
        if over:
            tail.close()
            self._tails.pop(index, None)
            self._forget(index)

    def _over(self, index: int) -> bool:
        status = record.observe_status(self._tails[index].directory)
        if status is None:
            return False
        if status["state"] in ("exited", "failed"):
            return True
        if index not in self._pidfds:
            monitor = status["monitor"]
            pidfd = proc.open_process(monitor["pid"], monitor["start"])
            if pidfd is not None:
                self._pidfds[index] = pidfd
                self._poll.register(pidfd, select.POLLIN)
        return False

    def _forget(self, index: int) -> None:
        pidfd = self._pidfds.pop(index, None)
        if pidfd is not None:
            self._poll.unregister(pidfd)
            os.close(pidfd)

    def _wait(self) -> set[int]:
        """Which logs may have news; empty when the caller's deadline or stop descriptor ended it."""
        limit = max(0, int((self.deadline - time.monotonic()) * 1000)) if self.deadline else None
        ready = {fd for fd, _ in self._poll.poll(limit)}
        if not ready or self.stop_fd in ready:
            return set()
        changed = {index for index, pidfd in self._pidfds.items() if pidfd in ready}
        for index in changed:
            self._forget(index)
        if self._inotify in ready:
            data = os.read(self._inotify, 1 << 16)
            while data:
                wd, _mask, _cookie, length = struct.unpack_from("iIII", data)
                # A watch of -1 is the queue's overflow: look at everything.
                changed |= {self._watches[wd]} if wd in self._watches else set(self._tails)
                data = data[16 + length :]
        return changed or set(self._tails)

    def close(self) -> None:
        for index in list(self._pidfds):
            self._forget(index)
        for tail in self._tails.values():
            tail.close()
        if self._inotify >= 0:
            os.close(self._inotify)
            self._inotify = -1
