"""A directory as a deterministic tar stream: the same tree gives the same bytes, hence the same diff id.

Names are sorted, times are whole seconds, users have numbers only; links are never followed and other mounts are not
entered. overlayfs's whiteouts and opaque marks become the archive's own again, so an upper directory can be packed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from stackup.errors import HostError
from stackup.images.pax import OCTAL_SIZE_MAX, XATTR_PREFIX
from stackup.images.refusal import ArchiveRefused, disk
from stackup.images.tar import BLOCK, Entry
from stackup.images.unpack import OPAQUE, WHITEOUT

_FLAGS = {
    "file": b"0", "hardlink": b"1", "symlink": b"2", "char": b"3", "block": b"4", "directory": b"5", "fifo": b"6",
}  # fmt: skip
_CHUNK = 1 << 18
_DEPTH_MAX = 256
_GONE = (FileNotFoundError, NotADirectoryError)
_OCTAL_ID_MAX = 8**7 - 1
_OPAQUE_MARKS = ("trusted.overlay.opaque", "user.overlay.opaque")
_NESTED_WHITEOUTS = ("trusted.overlay.whiteout", "user.overlay.whiteout")
END = b"\0" * (2 * BLOCK)
NOBODY = 65534


def pack_directory(root_fd: int) -> Iterator[bytes]:
    """The tree below `root_fd` as tar chunks. Raises HostError, and ArchiveRefused when a file changes meanwhile."""
    return _chunks(_Walk(os.fstat(root_fd).st_dev).tree(root_fd, ""))


def pack_live(parent_fd: int, name: str, path: str, *, base: int = 0) -> Iterator[bytes]:
    """Somebody's files as they are, called `path` in the archive; an empty `name` is the directory itself.

    Nothing has a meaning as in a layer, and what goes away meanwhile is left out. `base`: the number that their user 0
    has here, and 0 in the archive.
    """
    walk = _Walk(os.fstat(parent_fd).st_dev, live=True, base=base)
    if not name:
        return _chunks(walk.tree(parent_fd, path))
    with disk(name):
        info = os.lstat(name, dir_fd=parent_fd)
    if stat.S_ISDIR(info.st_mode):
        walk.device = info.st_dev
    return _chunks(walk.member(parent_fd, name, path, info))


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    pending = bytearray()
    for piece in pieces:
        pending += piece
        if len(pending) >= _CHUNK:
            yield bytes(pending)
            pending.clear()
    yield bytes(pending) + END


def header(entry: Entry) -> bytes:
    """An entry's blocks before its content: a PAX header where ustar's fields do not do, then the ustar header."""
    name, link = os.fsencode(entry.path or "."), os.fsencode(entry.link)
    if entry.kind == "directory":
        name += b"/"
    records = {XATTR_PREFIX + key.encode(): value for key, value in sorted(entry.xattrs.items())}
    for key, value in ((b"path", name), (b"linkpath", link)):
        if len(value) > 100 or not value.isascii():
            records[key] = value
    for key, number, top in (
        (b"uid", entry.uid, _OCTAL_ID_MAX), (b"gid", entry.gid, _OCTAL_ID_MAX), (b"size", entry.size, OCTAL_SIZE_MAX),
    ):  # fmt: skip
        if number > top:
            records[key] = str(number).encode()
    block = _ustar(entry, name, link, _FLAGS[entry.kind], entry.size if entry.size <= OCTAL_SIZE_MAX else 0)
    return (_pax(records) if records else b"") + block


def _pax(records: dict[bytes, bytes]) -> bytes:
    content = b"".join(_record(key, value) for key, value in records.items())
    block = _ustar(Entry("", "file", 0o644), b"pax", b"", b"x", len(content))
    return block + content + bytes(-len(content) % BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value\\n`, where the length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _ustar(entry: Entry, name: bytes, link: bytes, flag: bytes, size: int) -> bytes:
    block = bytearray(BLOCK)
    block[0 : min(100, len(name))] = name[:100]
    block[100:108] = b"%07o\0" % entry.mode
    block[108:116] = b"%07o\0" % (entry.uid if entry.uid <= _OCTAL_ID_MAX else 0)
    block[116:124] = b"%07o\0" % (entry.gid if entry.gid <= _OCTAL_ID_MAX else 0)
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"%011o\0" % min(max(entry.mtime_ns // 10**9, 0), OCTAL_SIZE_MAX)
    block[148:156] = b"        "
    block[156:157] = flag
    block[157 : 157 + min(100, len(link))] = link[:100]
    block[257:265] = b"ustar\x0000"
    block[329:337] = b"%07o\0" % entry.device[0]
    block[337:345] = b"%07o\0" % entry.device[1]
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@dataclass(slots=True)
class _Walk:
    device: int
    live: bool = False
    """Files that somebody may be changing, and no layer."""
    base: int = 0
    links: dict[tuple[int, int], str] = field(default_factory=dict)
    """Device and inode -> first path, for files with several names."""
    depth: int = 0

    def tree(self, dir_fd: int, path: str) -> Iterator[bytes]:
        info = os.fstat(dir_fd)
        xattrs = _xattrs(dir_fd)
        opaque = b"y" in [xattrs.pop(mark, b"") for mark in _OPAQUE_MARKS]
        yield header(self.entry(path, "directory", info, xattrs))
        if opaque and not self.live:
            yield header(Entry(f"{path}/{OPAQUE}" if path else OPAQUE, "file", 0))
        if info.st_dev != self.device:
            return
        if self.depth >= _DEPTH_MAX:
            raise ArchiveRefused(f'"{path}" is deeper than {_DEPTH_MAX} levels', subject=path)
        self.depth += 1
        with disk(path or "."):
            names = sorted(os.listdir(dir_fd), key=os.fsencode)
        for name in names:
            inner = f"{path}/{name}" if path else name
            try:
                with disk(inner):
                    info = os.lstat(name, dir_fd=dir_fd)
                yield from self.member(dir_fd, name, inner, info)
            except HostError as error:
                if not (self.live and isinstance(error.__cause__, _GONE)):
                    raise
        self.depth -= 1

    def member(self, dir_fd: int, name: str, path: str, info: os.stat_result) -> Iterator[bytes]:
        if stat.S_ISDIR(info.st_mode):
            with disk(path):
                fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
            try:
                yield from self.tree(fd, path)
            finally:
                os.close(fd)
        elif stat.S_ISCHR(info.st_mode) and info.st_rdev == 0 and not self.live:
            yield _whiteout(path, name)
        elif name.startswith(WHITEOUT) and not self.live:
            raise ArchiveRefused(f'"{path}" has a name that means a deletion in an archive', subject=path)
        elif info.st_nlink > 1 and not stat.S_ISLNK(info.st_mode) and (info.st_dev, info.st_ino) in self.links:
            yield header(self.entry(path, "hardlink", info, {}, link=self.links[info.st_dev, info.st_ino]))
        elif not stat.S_ISSOCK(info.st_mode):  # a socket without its server is nothing
            yield from self.leaf(dir_fd, name, path, info)
            self.links[info.st_dev, info.st_ino] = path

    def leaf(self, dir_fd: int, name: str, path: str, info: os.stat_result) -> Iterator[bytes]:
        if stat.S_ISREG(info.st_mode):
            yield from self.file(dir_fd, name, path)
            return
        with disk(path):
            link = os.readlink(name, dir_fd=dir_fd) if stat.S_ISLNK(info.st_mode) else ""
        kind = {stat.S_IFLNK: "symlink", stat.S_IFCHR: "char", stat.S_IFBLK: "block"}.get(
            stat.S_IFMT(info.st_mode), "fifo"
        )
        yield header(self.entry(path, kind, info, {}, link=link))

    def file(self, dir_fd: int, name: str, path: str) -> Iterator[bytes]:
        # O_NONBLOCK: if the name became a fifo since lstat, opening must not wait for its writer.
        with disk(path):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
        try:
            info = os.fstat(fd)
            if not self.live and not info.st_size and any(mark in os.listxattr(fd) for mark in _NESTED_WHITEOUTS):
                yield _whiteout(path, name)
                return
            yield header(self.entry(path, "file", info, _xattrs(fd)))
            left = info.st_size
            while left:
                with disk(path):
                    piece = os.read(fd, min(left, _CHUNK))
                if not piece:
                    raise ArchiveRefused(f'"{path}" shrank while it was read', subject=path, hint="try again")
                left -= len(piece)
                yield piece
            yield bytes(-info.st_size % BLOCK)
        finally:
            os.close(fd)

    def entry(self, path: str, kind: str, info: os.stat_result, xattrs: dict[str, bytes], *, link: str = "") -> Entry:
        return Entry(
            path, kind, stat.S_IMODE(info.st_mode), self.owner(info.st_uid), self.owner(info.st_gid),
            info.st_size if kind == "file" else 0, info.st_mtime_ns, link,
            (os.major(info.st_rdev), os.minor(info.st_rdev)), xattrs,
        )  # fmt: skip

    def owner(self, number: int) -> int:
        """Whoever has no number there is nobody."""
        return number - self.base if 0 <= number - self.base <= (NOBODY if self.base else number) else NOBODY


def _whiteout(path: str, name: str) -> bytes:
    return header(Entry(f"{path[: len(path) - len(name)]}{WHITEOUT}{name}", "file", 0))


def _xattrs(fd: int) -> dict[str, bytes]:
    """Attributes that travel: the user's, file capabilities and overlayfs's opaque mark, which the caller takes out."""
    try:
        names = os.listxattr(fd)
        return {
            name: os.getxattr(fd, name)
            for name in names
            if name == "security.capability" or name.startswith("user.") or name in _OPAQUE_MARKS
        }
    except OSError:
        return {}
