"""COPY and ADD, done: chosen files are written into a root by descriptor, through links only inside of it (T48).

The root is an overlay whose upper directory is the new layer, so the kernel keeps the books: what lies below stays
untouched, a folder that is entered comes along with its owner and mode.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from stackup.errors import KernelError, UsageError
from stackup.images.build.commands import Copy
from stackup.images.build.copy import Chosen, chosen, document_place, placed
from stackup.images.build.owners import mode_of, owner_of
from stackup.images.build.recipe import Selection
from stackup.images.build.tree import FILE, FOLDER, Entry, Tree
from stackup.images.copying import unpack_onto
from stackup.images.refusal import disk
from stackup.kernel.resolve import make_dirs, open_beneath, open_confined

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CHUNK = 1 << 24
_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_TAR_MAGIC = 257
HEAD = _TAR_MAGIC + 5
"""Bytes by which an archive is known."""


class Opened(Protocol):
    """Where files are read from: a build context or the root of a stage."""

    root_fd: int

    def open(self, path: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Given:
    """One of the inputs of a COPY: files of a tree. `archives`: those that are some are unpacked."""

    source: Opened
    tree: Tree
    selection: Selection
    archives: bool = False


def transfer(root_fd: int, copy: Copy, inputs: Iterable[Given], *, numbers_fd: int = -1) -> None:
    """Raises UsageError, NotThere, NoFolder and HostError. Names of owners are those of `numbers_fd`, else the root."""
    owner = owner_of(numbers_fd if numbers_fd >= 0 else root_fd, copy.chown) if copy.chown else None
    writer = _Writer(root_fd, owner, copy.chmod)
    try:
        for given in inputs:
            writer.source = given.source
            found = chosen(given.tree, given.selection)
            if given.archives:
                found = [one for one in found if not (one.named and writer.unpacked(one, copy.target))]
            for path, target in placed(found, copy.target, writer.is_folder):
                writer.put(path, given.tree.entries[path], target)
            if not found and copy.target.endswith("/"):
                writer.folder(copy.target.rstrip("/"))
        for document in copy.documents:
            target = document_place(document.name, copy.target, writer.is_folder)
            writer.text(target, document.text)
    finally:
        writer.close()


def make_directory(root_fd: int, path: str, user: str) -> None:
    """WORKDIR."""
    writer = _Writer(root_fd, owner_of(root_fd, user) if user else None, "")
    try:
        writer.folder(path)
    finally:
        writer.close()


@dataclass(slots=True)
class _Writer:
    root_fd: int
    owner: tuple[int, int] | None
    chmod: str
    source: Opened = field(init=False)
    _folders: dict[str, int] = field(default_factory=dict)

    def close(self) -> None:
        while self._folders:
            os.close(self._folders.popitem()[1])

    def is_folder(self, path: str) -> bool:
        try:
            os.close(open_beneath(self.root_fd, path, os.O_PATH | os.O_DIRECTORY))
        except KernelError:
            return False
        return True

    def folder(self, path: str) -> int:
        """Held open for the next files; the missing ones belong to whom the copies belong to."""
        if path in self._folders:
            return self._folders[path]
        try:
            fd = open_beneath(self.root_fd, path, _FOLDER)
        except KernelError as problem:
            if problem.errno != errno.ENOENT or path in ("", "/"):
                raise _not_writable(path, problem) from problem
            self.folder(posixpath.dirname(path))
            os.close(make_dirs(self.root_fd, path))
            fd = open_beneath(self.root_fd, path, _FOLDER)
            os.fchown(fd, *(self.owner or (0, 0)))
        if len(self._folders) > 200:
            self.close()
        self._folders[path] = fd
        return fd

    def put(self, path: str, entry: Entry, target: str) -> None:
        with disk(target):
            if entry.kind == FOLDER:
                fd = self.folder(target.rstrip("/") or "/")
                self._own(fd, entry)
                self._time(fd, path)
                return
            parent, name = posixpath.split(target.rstrip("/"))
            if entry.kind == FILE:
                self._file(path, entry, self.folder(parent or "/"), name)
            else:
                self._link(entry, self.folder(parent or "/"), name)

    def text(self, target: str, text: str) -> None:
        """A heredoc."""
        with disk(target):
            parent, name = posixpath.split(target.rstrip("/"))
            fd = _fresh(self.folder(parent or "/"), name)
            with os.fdopen(fd, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                self._own(fd, Entry(FILE, 0o644))

    def unpacked(self, one: Chosen, target: str) -> bool:
        """Whether the file was an archive; then what is in it lies at the target now."""
        with os.fdopen(self.source.open(one.path), "rb") as file:
            if not is_archive(file.read(HEAD)):
                return False
            file.seek(0)
            with disk(target):
                unpack_onto(file, self.folder(target.rstrip("/") or "/"), self.owner)
        return True

    def _file(self, path: str, entry: Entry, folder_fd: int, name: str) -> None:
        source_fd = self.source.open(path)
        try:
            found = os.fstat(source_fd)
            fd = _fresh(folder_fd, name)
            try:
                while os.sendfile(fd, source_fd, None, _CHUNK):
                    continue
                self._own(fd, entry)
                for key in (key for key in os.listxattr(source_fd) if key.startswith(("user.", "security.capability"))):
                    os.setxattr(fd, key, os.getxattr(source_fd, key))
                os.utime(fd, ns=(found.st_mtime_ns, found.st_mtime_ns))
            finally:
                os.close(fd)
        finally:
            os.close(source_fd)

    def _link(self, entry: Entry, folder_fd: int, name: str) -> None:
        _clear(folder_fd, name)
        os.symlink(entry.target, name, dir_fd=folder_fd)
        uid, gid = self.owner or (entry.uid, entry.gid)
        os.chown(name, uid, gid, dir_fd=folder_fd, follow_symlinks=False)

    def _own(self, fd: int, entry: Entry) -> None:
        """Owner before mode: chown(2) clears set-id bits."""
        os.fchown(fd, *(self.owner or (entry.uid, entry.gid)))
        os.fchmod(fd, mode_of(self.chmod, entry.mode, folder=entry.kind == FOLDER))

    def _time(self, fd: int, path: str) -> None:
        there = open_confined(self.source.root_fd, path, os.O_PATH | os.O_NOFOLLOW)
        try:
            when = os.fstat(there).st_mtime_ns
        finally:
            os.close(there)
        os.utime(fd, ns=(when, when))


def _fresh(folder_fd: int, name: str) -> int:
    """A new file in place of what was there."""
    _clear(folder_fd, name)
    return os.open(name, _NEW, 0o600, dir_fd=folder_fd)


def _clear(folder_fd: int, name: str) -> None:
    try:
        found = os.lstat(name, dir_fd=folder_fd)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f'"{name}" is a folder in the image and a file in what is copied', subject=name)
    os.unlink(name, dir_fd=folder_fd)


def is_archive(head: bytes) -> bool:
    """Whether a file that begins so, with `HEAD` bytes, is a tar archive or compressed."""
    return head.startswith(_ARCHIVES) or head[_TAR_MAGIC:HEAD] == b"ustar"


def _not_writable(path: str, problem: KernelError) -> UsageError:
    return UsageError(f'cannot copy to "{path}": {problem}', subject=path)
