"""Files from one tree into another, or into and out of a tar stream, by docker cp's rules.

An end is a root and a path in it. Every path is resolved by descriptor beneath its root, as a process there would, so a
container that swaps directories for links while it is copied reaches nothing but itself (T29).
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from stackup.errors import KernelError, UsageError
from stackup.images.archive import pack_live
from stackup.images.compression import ByteSource, decompressed
from stackup.images.refusal import disk
from stackup.images.tar import Entry, Limits, TarReader
from stackup.images.unpack import LayerWriter
from stackup.kernel.resolve import open_beneath

_LINKS = 40
_ENTRIES = 1 << 32
Owner: TypeAlias = "tuple[int, int] | None"
"""Whose the copies are; None: whose the originals are."""


@dataclass(frozen=True, slots=True)
class End:
    """Where something is, or is to be: a root's descriptor, a path in it, and what to call it in messages.

    `base` is the number that its user 0 has here.
    """

    root_fd: int
    path: str
    shown: str
    base: int = 0

    @property
    def contents(self) -> bool:
        """`dir/.` and the root itself: what is inside, not the directory."""
        return self.path.endswith("/.") or not self.path.strip("/.")

    @property
    def is_folder(self) -> bool:
        """Written with a slash at its end."""
        return self.path.endswith(("/", "/."))


@dataclass(slots=True)
class Place:
    """A name in a directory that is held open; `info` is what is there, None for nothing."""

    parent_fd: int
    name: str
    info: os.stat_result | None

    @property
    def is_dir(self) -> bool:
        return self.info is not None and stat.S_ISDIR(self.info.st_mode)


def pack(source: End, *, follow: bool) -> Iterator[bytes]:
    """The source as a tar stream under its own name."""
    place = _find(source, follow=follow or source.is_folder)
    try:
        yield from _packed(place, source, "" if source.contents else _base(source, place))
    finally:
        os.close(place.parent_fd)


def extract(stream: ByteSource, target: End, owner: Owner) -> tuple[str, ...]:
    """A tar stream into a directory that is there; what could not be kept."""
    place = _find(target, follow=True)
    try:
        if not place.is_dir:
            raise UsageError(f'"{target.shown}" is not a directory', subject=target.shown)
        folder_fd = _open_dir(place, target)
        try:
            return _write(decompressed(stream), folder_fd, owner, base=target.base)
        finally:
            os.close(folder_fd)
    finally:
        os.close(place.parent_fd)


def unpack_onto(stream: ByteSource, folder_fd: int, owner: Owner, *, top: bool = False) -> tuple[str, ...]:
    """An archive, compressed or not, into a directory that is held open; what could not be kept. `top`: the directory
    itself becomes what the archive says of it.
    """
    return _write(decompressed(stream), folder_fd, owner, top=top)


def copy(source: End, target: End, owner: Owner, *, follow: bool) -> tuple[str, ...]:
    """One tree or file onto another place; what could not be kept."""
    found = _find(source, follow=follow or source.is_folder)
    try:
        if source.is_folder and not found.is_dir:
            raise UsageError(f'"{source.shown}" is not a directory', subject=source.shown)
        folder_fd, name = _destination(found, source, target)
        try:
            return _write(_packed(found, source, name), folder_fd, owner, base=target.base)
        finally:
            os.close(folder_fd)
    finally:
        os.close(found.parent_fd)


def _destination(found: Place, source: End, target: End) -> tuple[int, str]:
    """The directory to write into, and the name there; empty when the contents go straight into it."""
    place = _find(target, follow=True, missing=True)
    if place.is_dir:
        try:
            return _open_dir(place, target), "" if source.contents else _base(source, found)
        finally:
            os.close(place.parent_fd)
    problem = ""
    if place.info is not None and found.is_dir:
        problem = f'"{target.shown}" is a file, and "{source.shown}" is a directory'
    elif target.is_folder and not (found.is_dir and place.info is None):
        problem = f'"{target.shown}" is not a directory'
    if problem:
        os.close(place.parent_fd)
        raise UsageError(problem, subject=target.shown)
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.parent_fd), place.name
    finally:
        os.close(place.parent_fd)


def _find(end: End, *, follow: bool, missing: bool = False) -> Place:
    """The last part of a path, after links if `follow`, in a directory held open."""
    path = posixpath.join("/", end.path)
    for _ in range(_LINKS):
        parent, name = posixpath.split(path.rstrip("/") or "/")
        if name in ("", ".", ".."):
            parent, name = path, ""
        parent_fd = _open(end, parent, os.O_PATH | os.O_DIRECTORY)
        try:
            info = os.stat(parent_fd) if not name else os.lstat(name, dir_fd=parent_fd)
        except FileNotFoundError:
            info = None
        except BaseException:
            os.close(parent_fd)
            raise
        if info is None and not missing:
            os.close(parent_fd)
            raise _absent(end)
        if not (follow and info is not None and stat.S_ISLNK(info.st_mode)):
            return Place(parent_fd, name, info)
        link = os.readlink(name, dir_fd=parent_fd)
        os.close(parent_fd)
        path = posixpath.join(parent, link)
    raise UsageError(f'"{end.shown}" goes through too many links', subject=end.shown)


def _open(end: End, path: str, flags: int) -> int:
    try:
        return open_beneath(end.root_fd, path, flags)
    except KernelError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise _absent(end) from error
        raise


def _absent(end: End) -> UsageError:
    return UsageError(f'there is no "{end.shown}"', subject=end.shown)


def _open_dir(place: Place, end: End) -> int:
    with disk(end.shown):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(place.name or ".", flags, dir_fd=place.parent_fd)


def _base(source: End, place: Place) -> str:
    """What the copy is called: the name that was typed, also when it was a link."""
    return posixpath.basename(posixpath.normpath(posixpath.join("/", source.path))) or place.name


def _packed(place: Place, source: End, name: str) -> Iterator[bytes]:
    if not place.is_dir:
        return pack_live(place.parent_fd, place.name, name, base=source.base)
    return _packed_dir(_open_dir(place, source), name, source.base)


def _packed_dir(folder_fd: int, name: str, base: int) -> Iterator[bytes]:
    try:
        yield from pack_live(folder_fd, "", name, base=base)
    finally:
        os.close(folder_fd)


def _write(
    chunks: Iterator[bytes], folder_fd: int, owner: Owner, *, top: bool = False, base: int = 0
) -> tuple[str, ...]:
    """Up to nine tenths of what is free: a sparse file of a container's has no end."""
    space = os.fstatvfs(folder_fd)
    reader = TarReader(chunks, Limits(_ENTRIES, space.f_bavail * space.f_frsize * 9 // 10))
    writer = LayerWriter(folder_fd, privileged=os.geteuid() == 0, onto=True)
    try:
        for entry in reader:
            if entry.path or top:  # the directory itself is there and stays as it is
                writer.add(_owned(entry, owner, base), reader.data)
        writer.finish()
    finally:
        writer.close()
    return tuple(writer.skipped)


def _owned(entry: Entry, owner: Owner, base: int) -> Entry:
    uid, gid = owner or (entry.uid, entry.gid)
    entry.uid, entry.gid = uid + base, gid + base
    return entry
