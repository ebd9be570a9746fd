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

from stackup.kernel import calls, proc
from stackup.runtime import logfiles, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Entry = tuple[int, bytes, bytes]

_STREAM = slice(31, 37)
_MARK = slice(38, 39)
_BYTES = 40
_IN_MODIFY, _IN_CREATE = 0x2, 0x100
_known_seconds: dict[bytes, int] = {}


def read(directory: str, *, tail: int = -1, since: int = 0, until: int = 0) -> Iterator[Entry]:
    """Everything that is on disk now; `tail` counts lines, `since` and `until` are nanoseconds since the epoch."""
    lines = iter(_last(directory, logfiles.numbers(directory), tail)) if tail >= 0 else _all(directory, since)
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


def _all(directory: str, since: int) -> Iterator[bytes]:
    for number in logfiles.numbers(directory):
        fd = logfiles.open_file(directory, number)
        if fd < 0:
            continue
        try:
            if os.fstat(fd).st_mtime_ns >= since:
                yield from _forwards(fd)
        finally:
            os.close(fd)


def _forwards(fd: int) -> Iterator[bytes]:
    rest = b""
    while data := os.read(fd, logfiles.BLOCK):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        yield from lines


def _last(directory: str, known: list[int], count: int, end: int = -1) -> list[bytes]:
    """The records of the last `count` lines, oldest first; files are read from their ends, the newest from `end`."""
    kept: list[bytes] = []
    for number in reversed(known):
        fd = logfiles.open_file(directory, number)
        if fd < 0:
            continue
        try:
            if _take_last(fd, whole_end(fd) if end < 0 else end, count, kept):
                break
        finally:
            os.close(fd)
        end = -1
    kept.reverse()
    return kept


def _take_last(fd: int, end: int, count: int, kept: list[bytes]) -> bool:
    """Adds to what is kept, newest first; True when that are `count` lines."""
    full = sum(line[_MARK] == b"F" for line in kept)
    for line in _backwards(fd, end):
        full += line[_MARK] == b"F"
        if full > count:
            return True
        if count:
            kept.append(line)
    return False


def whole_end(fd: int) -> int:
    """Where the last whole record ends: a reader may see half of what is just being written."""
    size = os.fstat(fd).st_size
    start = max(0, size - logfiles.BLOCK)
    return start + os.pread(fd, size - start, start).rfind(b"\n") + 1


def _backwards(fd: int, end: int) -> Iterator[bytes]:
    rest = b""
    while end > 0:
        start = max(0, end - logfiles.BLOCK)
        lines = (os.pread(fd, end - start, start) + rest).split(b"\n")
        rest, end = lines[0], start
        yield from (line for line in reversed(lines[1:]) if line)
    if rest:
        yield rest


class Tail:
    """One log's growing end. `take` returns what came since the last call, over any number of files.

    Files that went before they could be read leave an entry of the stream `losses` in their place.
    """

    __slots__ = ("_begun", "_fd", "_number", "_rest", "directory")

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._begun = False
        self._fd = -1
        self._number = 0
        self._rest = b""

    def begin(self, tail: int) -> list[Entry]:
        """Take a position: before everything (-1), or after the last lines, which are returned."""
        self._begun = tail >= 0
        known = logfiles.numbers(self.directory) if self._begun else []
        while known and not self._open(known[-1]):
            known.pop()
        if not known:
            return []
        end = os.lseek(self._fd, whole_end(self._fd), os.SEEK_SET)
        kept = _last(self.directory, known, tail, end)
        return [entry for entry in map(parse, kept) if entry is not None]

    def take(self) -> Iterator[Entry]:
        """What came since the last call; before `begin`, or while there was no log, everything."""
        following = 0 if self._fd >= 0 else self._following()
        while self._fd >= 0 or following:
            if following:
                # What the writer added before it began the next file.
                yield from self._drain()
                yield from self._advance(following)
            yield from self._drain()
            following = self._following()
            if not following:
                return

    def _following(self) -> int:
        """The number of the file after ours, 0 when ours is the newest."""
        return next((number for number in logfiles.numbers(self.directory) if number > self._number), 0)

    def _advance(self, number: int) -> Iterator[Entry]:
        if self._begun and number != self._number + 1:
            yield time.time_ns(), b"losses", b"[files of the log were gone before they were read]\n"
        self._begun = True
        if not self._open(number):
            self._number = number

    def _open(self, number: int) -> bool:
        fd = logfiles.open_file(self.directory, number)
        if fd < 0:
            return False
        self.close()
        self._fd, self._number, self._rest = fd, number, b""
        return True

    def _drain(self) -> Iterator[Entry]:
        while self._fd >= 0 and (data := os.read(self._fd, logfiles.BLOCK)):
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                entry = parse(line)
                if entry is not None:
                    yield entry

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
            wd = calls.inotify_add_watch(self._inotify, one.directory, _IN_MODIFY | _IN_CREATE)
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
