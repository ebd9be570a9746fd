"""A log's files: `log.1`, `log.2` and so on. The newest is written to, older ones may be packed (`log.1.gz`, RFC 1952).

Hot. A file keeps its number for life: whoever reads one knows which come after it, whatever was removed or packed
meanwhile, and nothing is renamed under a reader.
"""

from __future__ import annotations

import os

from stackup import layout
from stackup.kernel import files

PACKED = ".gz"
PACKING = ".part"
"""What a file that is just being packed is called until it is whole."""
BLOCK = 1 << 18
GZIP = 31
"""zlib's word for a stream with gzip's header."""


def numbers(folder: str) -> list[int]:
    """Of the files that can be read, the oldest first."""
    found = set()
    for name in files.list_dir(folder):
        head, _, rest = name.removesuffix(PACKED).partition(".")
        if head == layout.LOG and rest.isdigit():
            found.add(int(rest))
    return sorted(found)


def place(folder: str, number: int) -> str:
    return os.path.join(folder, f"{layout.LOG}.{number}")


def open_file(folder: str, number: int) -> int:
    """A descriptor at its beginning, the caller's to close; -1 when it is gone. A packed one is whole before the plain
    one goes."""
    path = place(folder, number)
    fd = _open(path)
    if fd >= 0:
        return fd
    packed = _open(path + PACKED)
    if packed < 0:
        return -1
    try:
        return _unpacked(packed)
    finally:
        os.close(packed)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1


def _unpacked(fd: int) -> int:
    """In memory, with the time of its last line: readers go through a file backwards too, and it is one file's size."""
    import zlib

    whole = os.memfd_create("log")
    stream = zlib.decompressobj(GZIP)
    try:
        while data := os.read(fd, BLOCK):
            os.write(whole, stream.decompress(data))
    except zlib.error:
        pass  # what could be read of it
    known = os.fstat(fd)
    os.utime(whole, ns=(known.st_mtime_ns, known.st_mtime_ns))
    os.lseek(whole, 0, os.SEEK_SET)
    return whole


def drop(folder: str, last: int) -> None:
    """Removes the files up to and with this number, and what is left of their packing."""
    for name in files.list_dir(folder):
        head, _, rest = name.removesuffix(PACKING).removesuffix(PACKED).partition(".")
        if head == layout.LOG and rest.isdigit() and int(rest) <= last:
            files.remove(os.path.join(folder, name))
