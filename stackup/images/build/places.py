"""The root of a stage as COPY reads it: a tree like a build context's, but only as much of it as is asked for.

Everything goes by descriptor beneath the root. A link is followed inside the root, component by component, and what it
leads through becomes a part of the tree, so that `Tree.resolve` finds the same way again.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator

from stackup.errors import HostError, KernelError
from stackup.images.build.recipe import Selection
from stackup.images.build.tree import FILE, FOLDER, LINK, Entry, Tree, followed
from stackup.kernel.resolve import open_confined

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEPTH = 256


class Place:
    """A root that is held open; to be closed. `tree` grows with every `look`."""

    __slots__ = ("_entries", "root_fd")

    def __init__(self, root_fd: int) -> None:
        self.root_fd = root_fd
        self._entries: dict[str, Entry] = {}

    def close(self) -> None:
        os.close(self.root_fd)

    def look(self, selection: Selection) -> Tree:
        """The tree of what a selection names, with the way there."""
        for source in selection.sources or (".",):
            plain = source.lstrip("/").partition("/./")[0] if selection.parents else source.lstrip("/")
            parts = [part for part in plain.split("/") if part not in ("", ".")]
            wild = next((at for at, part in enumerate(parts) if any(mark in part for mark in "*?[\\")), len(parts))
            self._take("/".join(parts[:wild]), follow=wild < len(parts))
        return Tree(dict(self._entries), self.content)

    def open(self, path: str) -> int:
        try:
            return open_confined(self.root_fd, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except KernelError as problem:
            raise HostError(f'cannot read "{path}" of the stage: {problem}', subject=path) from problem

    def content(self, path: str) -> str:
        with os.fdopen(self.open(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _take(self, path: str, *, follow: bool) -> None:
        found = followed(path, self._note)
        if found is None:
            return
        below = list(self._walk(found, 0)) if not found or self._entries[found].kind == FOLDER else []
        for link in below if follow else ():
            if self._entries[link].kind == LINK:
                self._take(link, follow=False)

    def _note(self, path: str) -> Entry | None:
        if path in self._entries:
            return self._entries[path]
        folder, name = posixpath.split(path)
        try:
            folder_fd = open_confined(self.root_fd, folder, os.O_PATH | os.O_DIRECTORY)
        except KernelError:
            return None
        try:
            return self._enter(folder_fd, name, path)
        except FileNotFoundError:
            return None
        finally:
            os.close(folder_fd)

    def _enter(self, folder_fd: int, name: str, path: str) -> Entry | None:
        """Nodes, pipes and sockets are not copied."""
        found = os.lstat(name, dir_fd=folder_fd)
        kinds = {stat.S_IFREG: FILE, stat.S_IFDIR: FOLDER, stat.S_IFLNK: LINK}
        kind = kinds.get(stat.S_IFMT(found.st_mode))
        if kind is None:
            return None
        target = os.readlink(name, dir_fd=folder_fd) if kind == LINK else ""
        mode = 0o777 if kind == LINK else stat.S_IMODE(found.st_mode)
        entry = self._entries[path] = Entry(kind, mode, target, found.st_uid, found.st_gid)
        return entry

    def _walk(self, folder: str, depth: int) -> Iterator[str]:
        if depth > _DEPTH:
            raise HostError(f'"{folder[:60]}..." is too deep to be copied', subject=folder)
        folder_fd = open_confined(self.root_fd, folder, _FOLDER)
        try:
            inside = [f"{folder}/{name}" if folder else name for name in sorted(os.listdir(folder_fd))]
            found = [path for path in inside if self._enter(folder_fd, posixpath.basename(path), path)]
        finally:
            os.close(folder_fd)
        for path in found:
            yield path
            if self._entries[path].kind == FOLDER:
                yield from self._walk(path, depth + 1)
