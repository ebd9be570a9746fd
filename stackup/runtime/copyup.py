"""Fill an empty volume with what the image has at its target: owners, modes, times, links and attributes kept.

Law: both sides are walked by descriptor and no link is ever followed, so a tree that changes meanwhile can spoil the
copy but never lead it elsewhere. A mark on the volume's root tells a filling that was killed from a finished one, and
a lock keeps two containers from filling the same volume at once. Hot: runs in the container's child.
"""

from __future__ import annotations

import errno
import fcntl
import os

_MARK = "trusted.stackup.filling"
_FORMAT, _DIR, _FILE, _LINK = 0o170000, 0o040000, 0o100000, 0o120000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 24


def fill(volume_fd: int, source_fd: int) -> bool:
    """Both are descriptors of directories (O_PATH will do). Whether anything was copied."""
    volume, source = os.open(".", _FOLDER, dir_fd=volume_fd), os.open(".", _FOLDER, dir_fd=source_fd)
    try:
        fcntl.flock(volume, fcntl.LOCK_EX)
        if _marked(volume):
            _empty(volume)
        elif os.listdir(volume):
            return False
        if not os.listdir(source):
            _attributes(source, volume)
            return False
        _set_mark(volume)
        _folder(source, volume)
        _clear_mark(volume)
        return True
    finally:
        os.close(volume)
        os.close(source)


def _marked(fd: int) -> bool:
    try:
        return bool(os.getxattr(fd, _MARK))
    except OSError:
        return False  # no mark, or a file system that keeps none


def _set_mark(fd: int) -> None:
    try:
        os.setxattr(fd, _MARK, b"1")
    except OSError as problem:
        if problem.errno not in (errno.ENOTSUP, errno.EPERM):
            raise


def _clear_mark(fd: int) -> None:
    try:
        os.removexattr(fd, _MARK)
    except OSError as problem:
        if problem.errno not in (errno.ENOTSUP, errno.EPERM, errno.ENODATA):
            raise


def _empty(folder: int) -> None:
    for entry in os.listdir(folder):
        try:
            os.unlink(entry, dir_fd=folder)
        except IsADirectoryError:
            inner = os.open(entry, _FOLDER, dir_fd=folder)
            try:
                _empty(inner)
            finally:
                os.close(inner)
            os.rmdir(entry, dir_fd=folder)


def _folder(source: int, target: int) -> None:
    """A file with several names becomes several files: names outside the folder could not be kept anyway."""
    for entry in os.listdir(source):
        found = os.stat(entry, dir_fd=source, follow_symlinks=False)
        kind = found.st_mode & _FORMAT
        if kind == _DIR:
            os.mkdir(entry, 0o700, dir_fd=target)
            inner, copy = os.open(entry, _FOLDER, dir_fd=source), os.open(entry, _FOLDER, dir_fd=target)
            try:
                _folder(inner, copy)
            finally:
                os.close(inner)
                os.close(copy)
        elif kind == _LINK:
            os.symlink(os.readlink(entry, dir_fd=source), entry, dir_fd=target)
            os.chown(entry, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
        elif kind == _FILE:
            _file(source, target, entry)
        elif kind in (0o010000, 0o140000, 0o020000, 0o060000):
            os.mknod(entry, found.st_mode, found.st_rdev, dir_fd=target)
            os.chown(entry, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
    _attributes(source, target)


def _file(source: int, target: int, entry: str) -> None:
    read = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    try:
        write = os.open(entry, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            while os.sendfile(write, read, None, _PIECE):
                pass
            _attributes(read, write)
        finally:
            os.close(write)
    finally:
        os.close(read)


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
        if not name.startswith(("trusted.", "system.")):
            try:
                os.setxattr(target, name, os.getxattr(source, name))
            except OSError as problem:
                if problem.errno != errno.ENOTSUP:
                    raise
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
