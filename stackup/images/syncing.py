"""One path of this machine onto one path of a tree that belongs to somebody else: a container's, while it runs.

The tree's paths are resolved by descriptor beneath its root, as a process there would. A file is written beside its
place and renamed onto it, so that whoever reads there sees the old one or the new one; what is already as it should be
is left alone. Nothing is removed or replaced through a mount or a link: a mount's content is not the tree's own.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable
from contextlib import suppress

from stackup.errors import HostError, KernelError
from stackup.kernel.files import host_error
from stackup.kernel.resolve import make_dirs, open_beneath, open_confined

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_CHUNK = 1 << 20
_MODES = 0o1777
"""A set-id bit was for the owner that the original has."""
_DEPTH = 256
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class Target:
    """A tree's root, and whose everything becomes that is put there."""

    __slots__ = ("_gid", "_root_fd", "_uid")

    def __init__(self, root_fd: int, owner: tuple[int, int]) -> None:
        self._root_fd = root_fd
        self._uid, self._gid = owner

    def bring(self, source: str, path: str) -> bool:
        """`path` becomes what `source` is, also when that is nothing; whether anything was to be done."""
        try:
            return self._bring(source, posixpath.normpath(posixpath.join("/", path)))
        except OSError as problem:
            raise host_error(problem, "cannot sync", path) from problem
        except KernelError as problem:
            why = "a mount is there" if problem.errno == errno.EXDEV else problem.message
            raise HostError(f'cannot sync "{path}": {why}', subject=path, hint=problem.hint) from problem

    def _bring(self, source: str, path: str) -> bool:
        parent, name = posixpath.split(path)
        try:
            found = os.lstat(source)
        except (FileNotFoundError, NotADirectoryError):
            return bool(name) and self._remove(parent, name)
        kind = stat.S_IFMT(found.st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR):
            return False  # sockets, pipes and devices are this machine's own
        if not name:
            hint = "give the rule a `target` below it"
            raise HostError("a file cannot take the place of the root", subject=source, hint=hint)
        parent_fd = make_dirs(self._root_fd, parent)
        try:
            if kind == stat.S_IFDIR:
                return self._put_folder(stat.S_IMODE(found.st_mode), parent_fd, name)
            if kind == stat.S_IFLNK:
                return self._put_link(os.readlink(source), parent_fd, name)
            return self._put_file(source, parent_fd, name)
        finally:
            os.close(parent_fd)

    def _put_folder(self, mode: int, parent_fd: int, name: str) -> bool:
        """One that is there, or a link to one, stays as it is."""
        there = _look(parent_fd, name)
        if there is not None:
            if stat.S_ISDIR(there.st_mode) or (stat.S_ISLNK(there.st_mode) and self._leads_to_folder(parent_fd, name)):
                return False
            os.unlink(name, dir_fd=parent_fd)
        os.mkdir(name, 0o700, dir_fd=parent_fd)
        made_fd = open_confined(parent_fd, name, _FOLDER)
        try:
            os.fchown(made_fd, self._uid, self._gid)
            os.fchmod(made_fd, mode & _MODES)
        finally:
            os.close(made_fd)
        return True

    def _leads_to_folder(self, parent_fd: int, name: str) -> bool:
        """As far as one step shows: what lies further is found when something is put there."""
        link = os.readlink(name, dir_fd=parent_fd)
        start_fd = self._root_fd if link.startswith("/") else parent_fd
        try:
            os.close(open_beneath(start_fd, link, os.O_PATH | os.O_DIRECTORY))
        except KernelError:
            return False
        return True

    def _put_link(self, link: str, parent_fd: int, name: str) -> bool:
        there = _look(parent_fd, name)
        if there is not None and stat.S_ISLNK(there.st_mode) and os.readlink(name, dir_fd=parent_fd) == link:
            return False

        def make(aside: str) -> None:
            os.symlink(link, aside, dir_fd=parent_fd)
            os.chown(aside, self._uid, self._gid, dir_fd=parent_fd, follow_symlinks=False)

        self._replace(make, parent_fd, name, there)
        return True

    def _put_file(self, source: str, parent_fd: int, name: str) -> bool:
        there = _look(parent_fd, name)
        source_fd = os.open(source, _READ)
        try:
            wanted = os.fstat(source_fd)
            if not stat.S_ISREG(wanted.st_mode) or self._is_as(wanted, source_fd, parent_fd, name, there):
                return False
            self._replace(lambda aside: self._write(wanted, source_fd, parent_fd, aside), parent_fd, name, there)
            return True
        finally:
            os.close(source_fd)

    def _is_as(
        self, wanted: os.stat_result, source_fd: int, parent_fd: int, name: str, there: os.stat_result | None
    ) -> bool:
        """Whether nothing is to be written; the time is that of the original all the same."""
        mark = (stat.S_IFREG | wanted.st_mode & _MODES, wanted.st_size, self._uid, self._gid)
        if there is None or (there.st_mode, there.st_size, there.st_uid, there.st_gid) != mark:
            return False
        there_fd = open_confined(parent_fd, name, _READ)
        try:
            if not stat.S_ISREG(os.fstat(there_fd).st_mode) or not _are_equal(source_fd, there_fd, wanted.st_size):
                return False
            if there.st_mtime_ns != wanted.st_mtime_ns:
                os.utime(there_fd, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))
            return True
        finally:
            os.close(there_fd)

    def _write(self, wanted: os.stat_result, source_fd: int, parent_fd: int, name: str) -> None:
        """No more than there was when it was opened: whoever writes on will be heard of again."""
        made_fd = os.open(name, _NEW, 0o600, dir_fd=parent_fd)
        try:
            at = 0
            while at < wanted.st_size:
                piece = os.pread(source_fd, min(_CHUNK, wanted.st_size - at), at)
                if not piece:
                    break
                at += os.write(made_fd, piece)
            os.fchown(made_fd, self._uid, self._gid)
            os.fchmod(made_fd, wanted.st_mode & _MODES)
            os.utime(made_fd, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))
        finally:
            os.close(made_fd)

    def _replace(self, make: Callable[[str], None], parent_fd: int, name: str, there: os.stat_result | None) -> None:
        aside = f".stackup-{os.urandom(8).hex()}"
        try:
            make(aside)
            if there is not None and stat.S_ISDIR(there.st_mode):
                _drop(parent_fd, name)
            os.rename(aside, name, src_dir_fd=parent_fd, dst_dir_fd=parent_fd)
        except BaseException:
            with suppress(OSError):
                os.unlink(aside, dir_fd=parent_fd)
            raise

    def _remove(self, parent: str, name: str) -> bool:
        try:
            parent_fd = open_beneath(self._root_fd, parent, os.O_PATH | os.O_DIRECTORY)
        except KernelError as problem:
            if problem.errno in _ABSENT:
                return False
            raise
        try:
            return _drop(parent_fd, name)
        finally:
            os.close(parent_fd)


def _look(parent_fd: int, name: str) -> os.stat_result | None:
    """What is there, itself. Raises KernelError, EXDEV, for a mount: replacing it would take it from the container."""
    try:
        found_fd = open_confined(parent_fd, name, os.O_PATH | os.O_NOFOLLOW)
    except KernelError as problem:
        if problem.errno == errno.ENOENT:
            return None
        raise
    try:
        return os.fstat(found_fd)
    finally:
        os.close(found_fd)


def _are_equal(one_fd: int, other_fd: int, size: int) -> bool:
    return all(os.pread(one_fd, _CHUNK, at) == os.pread(other_fd, _CHUNK, at) for at in range(0, size, _CHUNK))


def _drop(parent_fd: int, name: str, depth: int = 0) -> bool:
    """Itself and all in it, but nothing through a mount."""
    found = _look(parent_fd, name)
    if found is None:
        return False
    if not stat.S_ISDIR(found.st_mode):
        os.unlink(name, dir_fd=parent_fd)
        return True
    if depth > _DEPTH:
        raise HostError("a folder is too deep to be removed", subject=name, hint="make the container anew")
    folder_fd = open_confined(parent_fd, name, _FOLDER)
    try:
        for child in os.listdir(folder_fd):
            _drop(folder_fd, child, depth + 1)
    finally:
        os.close(folder_fd)
    os.rmdir(name, dir_fd=parent_fd)
    return True
