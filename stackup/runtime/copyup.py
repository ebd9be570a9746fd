"""Fill an empty volume with what the image has at its target: owners, modes, times, links, holes and attributes kept.

Law: both sides are walked by descriptor and no link is ever followed, so a tree that changes meanwhile can spoil the
copy but never lead it elsewhere. A mark on the volume's root tells a filling that was killed from a finished one, and
a lock keeps two containers from filling the same volume at once. The mark goes when all that was copied is on the
disk: a half-filled volume would look like a filled one for ever. Hot: runs in the container's child.
"""

from __future__ import annotations

import errno
import fcntl
import os

from stackup.kernel import calls
from stackup.kernel.abi import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS

_MARK = "trusted.stackup.filling"
_FILE_MARK = ".stackup-filling"
"""Where the file system keeps no such attributes."""
_FORMAT, _DIR, _FILE, _LINK = 0o170000, 0o040000, 0o100000, 0o120000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 24
_NO_ATTRIBUTES = (errno.ENOTSUP, errno.EPERM)


def fill(volume_fd: int, source_fd: int) -> bool:
    """Both are descriptors of directories (O_PATH will do). Whether anything was copied."""
    volume, source = os.open(".", _FOLDER, dir_fd=volume_fd), os.open(".", _FOLDER, dir_fd=source_fd)
    try:
        if os.fstatvfs(volume).f_flag & os.ST_RDONLY:
            return False
        fcntl.flock(volume, fcntl.LOCK_EX)
        if _marked(volume):
            _empty(volume)
        elif os.listdir(volume):
            return False
        if not os.listdir(source):
            if not _plain(source):
                _attributes(source, volume)
            _clear_mark(volume)
            return False
        _set_mark(volume)
        Copy(volume).folder(source, volume)
        calls.syncfs(volume)
        _clear_mark(volume)
        _times(source, volume)
        return True
    finally:
        os.close(volume)
        os.close(source)


def _plain(fd: int) -> bool:
    """As a start makes a folder that the image lacks: it has nothing to say of who owns the volume."""
    found = os.fstat(fd)
    return (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, 0, 0o755)


def _marked(fd: int) -> bool:
    try:
        return bool(os.getxattr(fd, _MARK))
    except OSError:
        return _there(fd, _FILE_MARK)


def _there(fd: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _set_mark(fd: int) -> None:
    try:
        os.setxattr(fd, _MARK, b"1")
    except OSError as problem:
        if problem.errno not in _NO_ATTRIBUTES:
            raise
        os.close(os.open(_FILE_MARK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=fd))


def _clear_mark(fd: int) -> None:
    try:
        os.removexattr(fd, _MARK)
    except OSError as problem:
        if problem.errno not in (*_NO_ATTRIBUTES, errno.ENODATA):
            raise
    if _there(fd, _FILE_MARK):
        os.unlink(_FILE_MARK, dir_fd=fd)


def _empty(folder: int, kept: str = _FILE_MARK) -> None:
    """All but the mark, which says that there is still something to empty."""
    for entry in os.listdir(folder):
        if entry == kept:
            continue
        try:
            os.unlink(entry, dir_fd=folder)
        except IsADirectoryError:
            inner = os.open(entry, _FOLDER, dir_fd=folder)
            try:
                _empty(inner, "")
            finally:
                os.close(inner)
            os.rmdir(entry, dir_fd=folder)


class Copy:
    """Of one tree. A file with several names in it has them in the copy as well; names outside cannot be kept."""

    __slots__ = ("_names", "_top")

    def __init__(self, top: int) -> None:
        self._top = top
        self._names: dict[tuple[int, int], str] = {}

    def folder(self, source: int, target: int, path: str = ".") -> None:
        for entry in os.listdir(source):
            found = os.stat(entry, dir_fd=source, follow_symlinks=False)
            if not self._linked(found, target, entry, f"{path}/{entry}"):
                self._one(found, source, target, f"{path}/{entry}")
        _attributes(source, target)

    def _linked(self, found: os.stat_result, target: int, entry: str, path: str) -> bool:
        """Another name of what is copied already. Its folder is looked up through no link: somebody who has the volume
        too might have swapped it.
        """
        if found.st_nlink < 2 or found.st_mode & _FORMAT == _DIR:
            return False
        first = self._names.setdefault((found.st_dev, found.st_ino), path)
        if first == path:
            return False
        folder, name = os.path.split(first)
        there = calls.openat2(self._top, folder, os.O_PATH | os.O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
        try:
            os.link(name, entry, src_dir_fd=there, dst_dir_fd=target, follow_symlinks=False)
        except OSError as problem:
            if problem.errno not in (*_NO_ATTRIBUTES, errno.EMLINK):
                raise
            return False  # no links here, or no more of them: a copy
        finally:
            os.close(there)
        return True

    def _one(self, found: os.stat_result, source: int, target: int, path: str) -> None:
        entry, kind = path.rpartition("/")[2], found.st_mode & _FORMAT
        if kind == _DIR:
            os.mkdir(entry, 0o700, dir_fd=target)
            inner, copy = os.open(entry, _FOLDER, dir_fd=source), os.open(entry, _FOLDER, dir_fd=target)
            try:
                self.folder(inner, copy, path)
            finally:
                os.close(inner)
                os.close(copy)
        elif kind == _FILE:
            _file(source, target, entry)
        else:
            if kind == _LINK:
                os.symlink(os.readlink(entry, dir_fd=source), entry, dir_fd=target)
            else:
                os.mknod(entry, found.st_mode, found.st_rdev, dir_fd=target)
            os.chown(entry, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
            times = (found.st_atime_ns, found.st_mtime_ns)
            os.utime(entry, ns=times, dir_fd=target, follow_symlinks=False)


def _file(source: int, target: int, entry: str) -> None:
    read = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    try:
        write = os.open(entry, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            _content(read, write)
            _attributes(read, write)
        finally:
            os.close(write)
    finally:
        os.close(read)


def _content(read: int, write: int) -> None:
    """Only where there is data, lseek(2); what is a hole there is one here."""
    size, at = os.fstat(read).st_size, 0
    while at < size:
        try:
            at = os.lseek(read, at, os.SEEK_DATA)
        except OSError as problem:
            if problem.errno != errno.ENXIO:
                raise
            break  # a hole to the end
        end = os.lseek(read, at, os.SEEK_HOLE)
        os.lseek(write, at, os.SEEK_SET)
        while at < end and (sent := os.sendfile(write, read, at, min(_PIECE, end - at))):
            at += sent
        at = max(at, end)
    os.ftruncate(write, size)


def _attributes(source: int, target: int) -> None:
    """Owner before mode and attributes: chown(2) clears set-user-id bits and file capabilities."""
    found = os.fstat(source)
    os.fchown(target, found.st_uid, found.st_gid)
    os.fchmod(target, found.st_mode & 0o7777)
    try:
        names = os.listxattr(source)
    except OSError:
        names = []
    for name in names:
        if not name.startswith("trusted.") and (not name.startswith("system.") or "posix_acl" in name):
            try:
                os.setxattr(target, name, os.getxattr(source, name))
            except OSError as problem:
                if problem.errno != errno.ENOTSUP:
                    raise
    _times(source, target)


def _times(source: int, target: int) -> None:
    found = os.fstat(source)
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
