"""A streaming tar reader with one opinion: every archive has one meaning, or is refused.

ustar, GNU long names and PAX (POSIX.1-2001, pax(1)); no seeking, no heuristics, no file system. Where two fields of an
entry could say different things (a PAX size or path against the header's) they must agree, since other readers would
choose the other one. Sparse files are refused. Names are checked here, so an Entry's path is always relative and clean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Protocol
from zlib import adler32

from stackup.images.pax import check_global, decimal, nanoseconds, override, override_size, parse_pax, xattrs
from stackup.images.refusal import ArchiveRefused, shown

BLOCK = 512
_HEADER = Struct("100s24s12s12s8sc100s8s64x8s8s155s12x")
"""name, mode with uid and gid, size, mtime, checksum, type, link, magic, device major and minor, prefix."""
_KINDS = {
    b"0": "file", b"\0": "file", b"7": "file", b"1": "hardlink", b"2": "symlink", b"3": "char", b"4": "block",
    b"5": "directory", b"6": "fifo",
}  # fmt: skip
_EXTENDED_MAX = 1 << 20
"""A PAX header or long name above this is nobody's name."""
_ID_MAX = 2**32 - 2
"""(uid_t)-1 means "leave it" to chown(2), and anything above wraps."""
_TIME_MAX = 1 << 40
_PATH_MAX = 4095
_CACHED = 4096
_NO_NAMES = frozenset((b"", b".", b".."))


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: entries, bytes of the uncompressed stream, and levels of directories."""

    entries: int = 2_000_000
    size: int = 64 << 30
    depth: int = 256


@dataclass(slots=True)
class Entry:
    """One member. `path` is clean, empty for the root; `link` is a path for a hardlink, free text for a symlink.

    Not frozen: made for every file, and a frozen one takes three times as long.
    """

    path: str
    kind: str
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: dict[str, bytes] = field(default_factory=dict)


class Tape(Protocol):
    """Hears the whole stream in order: contents that somebody took by their entry's path, everything else as bytes."""

    def raw(self, data: bytes, /) -> None: ...

    def content(self, path: str, size: int, /) -> None: ...


class TarReader:
    """Iterate for entries; `data()` gives the current entry's bytes, what is not read of them is skipped."""

    __slots__ = (
        "_at", "_buffer", "_chunks", "_left", "_limits", "_mark", "_numbers", "_owners", "_padding", "_parent",
        "_parent_path", "_path_now", "_seen", "_tape", "entries",
    )  # fmt: skip

    def __init__(self, chunks: Iterator[bytes], limits: Limits, tape: Tape | None = None) -> None:
        self._chunks = chunks
        self._limits = limits
        self._tape = tape
        self._mark = 0  # where in the buffer the tape has not been told anything yet
        self._path_now = ""
        self._buffer = b""
        self._at = 0
        self._left = 0
        self._padding = 0
        self._seen = 0
        self._numbers: dict[bytes, int] = {}
        self._owners: dict[bytes, tuple[int, int, int]] = {}
        self._parent: bytes | None = None
        self._parent_path = ""
        self.entries = 0

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self._next()) is not None:
            yield entry
        self._drain()

    def data(self) -> Iterator[memoryview]:
        """Pieces of the current entry's content, all of which must be taken; valid until the next one is asked for."""
        if self._tape is not None and self._left:
            self._tape.raw(self._buffer[self._mark : self._at])
            self._tape.content(self._path_now, self._left)
            self._mark = self._at
        while self._left:
            if self._at == len(self._buffer):
                self._fill()
            end = min(self._at + self._left, len(self._buffer))
            piece = memoryview(self._buffer)[self._at : end]
            self._left -= end - self._at
            self._at = self._mark = end
            yield piece

    def _fill(self) -> None:
        chunk = next(self._chunks, b"")
        if not chunk:
            raise ArchiveRefused("the archive ends too early", hint="fetch or write the archive again")
        if self._tape is not None:
            self._tape.raw(self._buffer[self._mark :])
        self._buffer, self._at, self._mark = chunk, 0, 0
        self._count(len(chunk))

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > self._limits.size:
            raise ArchiveRefused(f"the archive unpacks to more than {self._limits.size} bytes")

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end <= len(self._buffer):
            taken = self._buffer[self._at : end]
            self._at = end
            return taken
        parts = []
        while size:
            if self._at == len(self._buffer):
                self._fill()
            part = self._buffer[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _skip_rest(self) -> None:
        while self._left:
            if self._at == len(self._buffer):
                self._fill()
            step = min(self._left, len(self._buffer) - self._at)
            self._left -= step
            self._at += step
        if self._padding:
            self._take(self._padding)
            self._padding = 0

    def _drain(self) -> None:
        """To the end of the stream, for its digest; only the padding of the last record may follow."""
        if self._tape is not None:
            self._tape.raw(self._buffer[self._mark : self._at])
        rest = self._buffer[self._at :]
        while rest:
            if rest.strip(b"\0"):
                raise ArchiveRefused("the archive goes on after its end mark")
            if self._tape is not None:
                self._tape.raw(rest)
            rest = next(self._chunks, b"")
            self._count(len(rest))

    def _next(self) -> Entry | None:
        """The next member with its long names and PAX records applied, or None at the end mark."""
        pax: dict[bytes, bytes] = {}
        seen = b""
        while True:
            self._skip_rest()
            block = self._take(BLOCK)
            if not block[0] and not block.strip(b"\0"):
                self._end(seen)
                return None
            fields = _HEADER.unpack(block)
            self._check_sum(block, fields[4])
            flag = fields[5]
            if flag not in b"xgLK":
                self._count_entry()
                return self._entry(fields, pax)
            if flag in seen:
                raise ArchiveRefused("an entry has two extended headers of one kind")
            if flag != b"g":
                seen += flag
            self._extend(pax, flag, self._number(fields[2], "size"))

    def _end(self, seen: bytes) -> None:
        if seen:
            raise ArchiveRefused("an extended header stands before the end of the archive")
        if self._take(BLOCK).strip(b"\0"):
            raise ArchiveRefused("a lone block of zeros stands in the archive")

    def _count_entry(self) -> None:
        self.entries += 1
        if self.entries > self._limits.entries:
            raise ArchiveRefused(f"the archive has more than {self._limits.entries} entries")

    def _check_sum(self, block: bytes, stored: bytes) -> None:
        # The low half of adler32 is 1 + the sum of the bytes, exact below 65,521, which 256 bytes cannot reach: a fifth
        # of the time of sum(). The checksum's own eight bytes count as blanks.
        halves = (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - 2
        actual = halves - sum(stored) + 256
        try:
            wanted = self._number(stored, "checksum")
        except ArchiveRefused:
            wanted = -1
        if actual != wanted:
            raise ArchiveRefused("a header is damaged" if self.entries else "this is not a tar archive")

    def _extend(self, pax: dict[bytes, bytes], flag: bytes, size: int) -> None:
        if size > _EXTENDED_MAX:
            raise ArchiveRefused(f"an extended header has {size} bytes")
        content = self._take(size)
        self._take(-size % BLOCK)
        self._count_entry()  # else 10^7 headers without an entry would count for nothing
        if flag == b"x":
            found = parse_pax(content)
        elif flag == b"g":
            check_global(parse_pax(content))
            return
        else:
            found = {b"path" if flag == b"L" else b"linkpath": content.split(b"\0", 1)[0]}
        for key, value in found.items():
            if pax.setdefault(key, value) != value:
                raise ArchiveRefused(f"two extended headers disagree about {shown(key)}")

    def _entry(self, fields: tuple[bytes, ...], pax: dict[bytes, bytes]) -> Entry:
        raw = fields[0].split(b"\0", 1)[0]
        if fields[7] == b"ustar\x0000" and fields[10][0]:
            raw = fields[10].split(b"\0", 1)[0] + b"/" + raw
        kind = _KINDS.get(fields[5])
        if kind is None:
            raise _unknown_kind(raw, fields[5])
        size = self._number(fields[2], "size")
        if pax:
            raw, size = override(pax, b"path", raw), override_size(pax, size)
        if kind == "file" and raw.endswith(b"/"):
            kind = "directory"  # how tar said it before there was a type for it (POSIX.1-1988)
        mode, uid, gid = self._owner(fields[1])
        entry = Entry(self._path(raw), kind, mode, uid, gid, size, self._number(fields[3], "time") * 10**9)
        if kind == "file":
            self._left, self._padding, self._path_now = size, -size % BLOCK, entry.path
        else:
            self._complete(entry, fields, pax)
        if pax:
            _apply(entry, pax)
        if entry.uid > _ID_MAX or entry.gid > _ID_MAX or entry.mtime_ns > _TIME_MAX * 10**9:
            raise ArchiveRefused(f'"{entry.path}" has an owner or a time that is out of range', subject=entry.path)
        return entry

    def _complete(self, entry: Entry, fields: tuple[bytes, ...], pax: dict[bytes, bytes]) -> None:
        if entry.size:
            # Some readers skip a link's content, some do not: what follows would mean two things.
            raise ArchiveRefused(f'"{entry.path}" is a {entry.kind} with content', subject=entry.path)
        link = override(pax, b"linkpath", fields[6].split(b"\0", 1)[0])
        if entry.kind == "symlink":
            entry.link = _link_text(link, entry.path)
        elif entry.kind == "hardlink":
            entry.link = entry_path(link, self._limits.depth)
        elif entry.kind in {"char", "block"}:
            entry.device = self._number(fields[8], "device"), self._number(fields[9], "device")

    def _path(self, raw: bytes) -> str:
        """`entry_path`, faster for one more name in the directory of the entry before."""
        parent, slash, name = raw.rpartition(b"/")
        if slash and parent == self._parent and name not in _NO_NAMES and len(raw) < _PATH_MAX:
            return self._parent_path + name.decode("utf-8", "surrogateescape")
        path = entry_path(raw, self._limits.depth)
        if slash and name:
            self._parent, self._parent_path = parent, path[: path.rfind("/") + 1]
        return path

    def _owner(self, raw: bytes) -> tuple[int, int, int]:
        """Mode, uid and gid, which most entries share with many others."""
        known = self._owners.get(raw)
        if known is None:
            if len(self._owners) > _CACHED:
                self._owners.clear()
            mode, uid, gid = (parse_number(raw[at : at + 8], "mode or owner") for at in (0, 8, 16))
            known = self._owners[raw] = mode & 0o7777, uid, gid
        return known

    def _number(self, raw: bytes, what: str) -> int:
        """Octal text, or GNU's big-endian binary marked by the top bit."""
        known = self._numbers.get(raw)
        if known is None:
            if len(self._numbers) > _CACHED:
                self._numbers.clear()
            known = self._numbers[raw] = parse_number(raw, what)
        return known


def entry_path(raw: bytes, depth: int) -> str:
    """A clean relative path, empty for the root. Refused: absolute, `..`, empty parts, NUL, too deep (T1, T9)."""
    if raw in {b".", b"./"}:
        return ""
    path = raw.removeprefix(b"./").removesuffix(b"/")
    parts = path.split(b"/")
    if raw.startswith(b"/"):
        reason = "is absolute"
    elif b"\0" in raw:
        reason = "has a NUL"
    elif b"" in parts or b"." in parts:
        reason = "has an empty part"
    elif b".." in parts:
        reason = 'climbs with ".."'
    elif len(parts) > depth or len(path) > _PATH_MAX:
        reason = f"is deeper than {depth} levels"
    else:
        return path.decode("utf-8", "surrogateescape")
    raise ArchiveRefused(f'entry "{shown(raw)}" {reason}', subject=shown(raw))


def parse_number(raw: bytes, what: str) -> int:
    """A header's numeric field. Raises ArchiveRefused; negative numbers are refused."""
    if raw[0] & 0x80:
        if raw[0] != 0x80:
            raise ArchiveRefused(f"a header has a negative or too large {what}")
        return int.from_bytes(raw[1:], "big")
    digits = raw.split(b"\0", 1)[0].strip(b" ")
    if not digits:
        return 0
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise ArchiveRefused(f"a header has a {what} that is no number")
    return int(digits, 8)


def _apply(entry: Entry, pax: dict[bytes, bytes]) -> None:
    if b"uid" in pax:
        entry.uid = decimal(pax[b"uid"], "user id")
    if b"gid" in pax:
        entry.gid = decimal(pax[b"gid"], "group id")
    if b"mtime" in pax:
        entry.mtime_ns = nanoseconds(pax[b"mtime"])
    entry.xattrs = xattrs(pax)


def _link_text(raw: bytes, path: str) -> str:
    if not raw or b"\0" in raw or len(raw) > _PATH_MAX:
        raise ArchiveRefused(f'"{path}" is a symbolic link to nothing sensible', subject=path)
    return raw.decode("utf-8", "surrogateescape")


def _unknown_kind(raw: bytes, flag: bytes) -> ArchiveRefused:
    if flag == b"S":
        return ArchiveRefused(f'"{shown(raw)}" is a sparse file', subject=shown(raw), hint="make it without --sparse")
    return ArchiveRefused(f'"{shown(raw)}" has the unknown type {flag!r}', subject=shown(raw))
