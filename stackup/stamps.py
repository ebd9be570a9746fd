"""What tells one version of a file from another, as plain data for a cache: taken before it is read, compared later.

A leaf, and hot. A change shows in the change time, which nobody can set; but clocks of file systems tick, and what was
written in the tick of the stamp can be written once more in it. So the stamp of a file that is that young also holds a
checksum of its bytes (git calls such a file racily clean). None is the stamp of nothing, or of a folder with nothing in
it; what can be read only once, such as a pipe, has one that never holds.
"""

from __future__ import annotations

import os
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    Stamp = list[int]

NEVER: Stamp = []
YOUNG_NS = 2 * 10**9
"""The longest tick: FAT's, and that of old NFS servers."""
_MOST = 64 << 20
_KIND, _FOLDER, _FILE = 0o170000, 0o040000, 0o100000


def stamp(path: str) -> Stamp | None:
    """The stamp of what is at a path now."""
    try:
        found = _times(os.stat(path))
        is_old = time.time_ns() - found[1] >= YOUNG_NS
        return found[:5] if is_old and found[5] == _FILE else _with_contents(path, found)
    except (OSError, ValueError):  # the latter: a path that no file can have
        return None


def holds(path: str, seen: Stamp | None) -> bool:
    """Whether a path still is what it was when it was stamped."""
    if not seen:
        return seen is None and stamp(path) is None
    try:
        now = _times(os.stat(path))
        if now[:5] != seen[:5]:
            return False
        return len(seen) == 5 or _with_contents(path, now) == seen
    except (OSError, ValueError):
        return False


def _times(status: os.stat_result) -> list[int]:
    kind = status.st_mode & _KIND
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev, kind]


def _with_contents(path: str, found: list[int]) -> Stamp | None:
    if found[5] == _FOLDER:
        with os.scandir(path) as entries:
            names = sorted(f"{entry.name}/{entry.inode()}" for entry in entries)
        return [*found[:5], zlib.crc32("\n".join(names).encode(errors="surrogateescape"))] if names else None
    if found[5] != _FILE or found[2] > _MOST:
        return NEVER
    return [*found[:5], _checksum(path)]


def _checksum(path: str) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        total = 0
        while piece := os.read(fd, 1 << 20):
            total = zlib.crc32(piece, total)
        return total
    finally:
        os.close(fd)
