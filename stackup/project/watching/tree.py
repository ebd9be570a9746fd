"""Files and folders of this machine, and which of their paths have changed since somebody last asked.

Level, not edge: the kernel only says where to look, what was seen there before decides. So a file that came and went
between two questions never was, a lost queue is one look at everything, and a folder that appears is looked into like
any other. A folder is watched before it is read, so that nothing can happen in between. Links are not followed, but for
the roots themselves.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stackup.errors import HostError
from stackup.kernel.inotify import CREATE, DELETE_SELF, IGNORED, LOST, MOVE_SELF, Happening, Inotify

QUIET_S = 0.015
"""Changes belong together while no more time than this lies between them."""
LIMIT_S = 0.5
"""So much later they are told though more are coming."""
_TICK_NS = 50_000_000
"""The stamps of a file that changed so shortly before it was looked at may hide that it changed again."""
_ATTEMPTS = 64
_OURS = IGNORED | DELETE_SELF | MOVE_SELF


@dataclass(frozen=True, slots=True)
class _Seen:
    identity: tuple[int, int, int]
    stamps: tuple[int, ...]
    fresh: bool = False

    @property
    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.identity[0])


@dataclass(slots=True)
class _Folder:
    number: int
    entries: dict[str, _Seen] = field(default_factory=dict)


class Tree:
    """`roots` are absolute, files or folders, there or not yet. Beneath a folder that `skip` names nobody looks."""

    def __init__(self, roots: Sequence[str], skip: Callable[[str], bool] = lambda _: False) -> None:
        self._roots = tuple(dict.fromkeys(roots))
        self._skip = skip
        self._inotify = Inotify()
        self._folders: dict[str, _Folder] = {}
        self._single: dict[str, _Seen] = {}
        """Roots that are no folders."""
        self._anchors: dict[int, str] = {}
        """Folders above the roots that are no folders, where these may come and go."""
        self._paths: dict[int, set[str]] = {}
        self._changed: set[str] = set()
        self._heard: set[str] = set()
        """Roots among these are what events of their anchors were about."""
        try:
            self._settle()
        except BaseException:
            self.close()
            raise
        self._changed.clear()

    def close(self) -> None:
        self._inotify.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Until something has happened, which may turn out to be nothing."""
        return self._inotify.wait(seconds)

    def changes(self) -> list[str]:
        """What has changed since the last time, folders before what is in them, once it has become quiet."""
        end = time.monotonic() + LIMIT_S
        self._take()
        while self._inotify.wait(min(QUIET_S, end - time.monotonic())) and time.monotonic() < end:
            self._take()
        found, self._changed = sorted(self._changed), set()
        return found

    def paths(self, root: str) -> list[str]:
        """Everything that is there beneath a root, folders before what is in them; the root itself if it is a file."""
        if root in self._single:
            return [root]
        found = []
        folder = self._folders.get(root)
        for name in sorted(folder.entries) if folder else ():
            path = os.path.join(root, name)
            found += [path, *(self.paths(path) if path in self._folders else ())]
        return found

    def _take(self) -> None:
        unsettled = False
        for happening in self._inotify.read():
            if happening.mask & LOST:
                self._look_everywhere()
                self._heard.update(self._single)
            if happening.mask & LOST or happening.number in self._anchors:
                unsettled = unsettled or not self._is_begun_root(happening)
                self._heard.add(os.path.join(self._anchors.get(happening.number, ""), happening.name))
            for folder in sorted(self._paths.get(happening.number, ())):
                unsettled = unsettled or (folder in self._roots and bool(happening.mask & _OURS))
                self._hear(folder, happening)
        if unsettled:
            self._settle()
            self._heard.clear()

    def _is_begun_root(self, happening: Happening) -> bool:
        path = os.path.join(self._anchors.get(happening.number, ""), happening.name)
        return bool(happening.mask & CREATE) and path in self._roots and _is_begun(path)

    def _hear(self, folder: str, happening: Happening) -> None:
        if happening.mask & _OURS:
            if not self._is_same(folder):
                self._leave(folder)
            above, name = os.path.split(folder)
            if above in self._folders:
                self._look(above, name)
        elif happening.name and folder in self._folders:
            begun = happening.mask & CREATE and _is_begun(os.path.join(folder, happening.name))
            if not begun:
                self._look(folder, happening.name)

    def _is_same(self, folder: str) -> bool:
        """Whether the path still leads to the folder that is watched."""
        known = self._folders.get(folder)
        number = self._inotify.add(folder, follow=folder in self._roots)
        if number is not None and number not in self._paths and number not in self._anchors:
            self._inotify.drop(number)
        return known is not None and known.number == number

    def _look(self, folder: str, name: str) -> None:
        path = os.path.join(folder, name)
        entries = self._folders[folder].entries
        before, now = entries.pop(name, None), _look_at(path)
        if now is not None:
            entries[name] = now
        if _differs(before, now):
            self._changed.add(path)
        if path in self._folders and (before is None or now is None or now.identity != before.identity):
            self._leave(path)
        if now is not None and now.is_dir and path not in self._folders and not self._skip(path):
            self._enter(path)

    def _enter(self, folder: str, *, follow: bool = False) -> None:
        number = self._inotify.add(folder, follow=follow)
        if number is None:
            return
        self._folders[folder] = _Folder(number)
        self._paths.setdefault(number, set()).add(folder)
        for name in _names(folder):
            self._look(folder, name)

    def _leave(self, folder: str) -> None:
        """Everything in it has gone, as far as anybody can see."""
        left = self._folders.pop(folder, None)
        if left is None:
            return
        for name in left.entries:
            path = os.path.join(folder, name)
            self._changed.add(path)
            self._leave(path)
        others = self._paths[left.number]
        others.discard(folder)
        if not others:
            del self._paths[left.number]
            if left.number not in self._anchors:
                self._inotify.drop(left.number)

    def _look_everywhere(self) -> None:
        for folder in sorted(self._folders):
            known = self._folders.get(folder)
            for name in sorted({*_names(folder), *(known.entries if known else ())}):
                if folder in self._folders:
                    self._look(folder, name)

    def _settle(self) -> None:
        """Every root is watched: by itself if it is a folder, else from the nearest folder above it."""
        anchors: dict[int, str] = {}
        for root in self._roots:
            if root in self._folders and not self._is_same(root):
                self._leave(root)
            if root not in self._folders:
                self._enter(root, follow=True)
            if root not in self._folders or os.path.islink(root):
                number, above = self._reach(root)
                anchors[number] = above
                self._enter_late(root)
            self._look_at_root(root)
        for number in self._anchors.keys() - anchors.keys() - self._paths.keys():
            self._inotify.drop(number)
        self._anchors = anchors

    def _enter_late(self, root: str) -> None:
        """It may have come before its anchor was there."""
        if root not in self._folders:
            self._enter(root, follow=True)

    def _look_at_root(self, root: str) -> None:
        """Of a folder only what is in it changes: a root that goes and comes again is no order to remove its target."""
        before, now = self._single.pop(root, None), _look_at(root, follow=True)
        if now is not None and not now.is_dir:
            self._single[root] = now
        if (before or root in self._single) and _differs(before, now, heard=root in self._heard):
            self._changed.add(root)

    def _reach(self, root: str) -> tuple[int, str]:
        """The nearest folder above, watched; its next one on the way may come at any moment until it is."""
        for _ in range(_ATTEMPTS):
            above, below = os.path.dirname(root), root
            while (number := self._inotify.add(above, follow=True)) is None and above != "/":
                above, below = os.path.dirname(above), above
            if number is not None and (below == root or not os.path.isdir(below)):
                return number, above
        raise HostError(f'cannot watch for "{root}"', subject=root)


def _look_at(path: str, *, follow: bool = False) -> _Seen | None:
    try:
        found = os.stat(path) if follow else os.lstat(path)
    except OSError:
        return None
    identity = (stat.S_IFMT(found.st_mode), found.st_dev, found.st_ino)
    if stat.S_ISDIR(found.st_mode):
        return _Seen(identity, (found.st_mode,))
    stamps = (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return _Seen(identity, stamps, time.time_ns() - found.st_ctime_ns < _TICK_NS)


def _differs(before: _Seen | None, now: _Seen | None, *, heard: bool = True) -> bool:
    """`heard`: there was an event, so that stamps which may hide one do not count."""
    if before is None or now is None:
        return before is not now
    return (heard and before.fresh) or (before.identity, before.stamps) != (now.identity, now.stamps)


def _is_begun(path: str) -> bool:
    """A file that was made just now to be written: the end of that is told as well."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == 0 and found.st_nlink == 1


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
