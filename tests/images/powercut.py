"""A model of a disk that loses what was not synced, and a life of a store on it, cut off after every change.

A program: `python -m tests.images.powercut FOLDER`. POSIX promises little: a file's content is there for good after
fsync(2) of it, a name in a directory after fsync(2) of that directory, and everything after syncfs(2). What was not
promised may be there or not, each name by itself. So after each change of a real life several disks are made of what
the machine could find when it comes back: nothing that was not promised, every name but no content, and mixtures; the
store on each of them must be sound, but for what a dead writer left aside.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stackup.images.importer import import_rootfs
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.kernel import calls
from tests.images import tarballs as t
from tests.images.faults import FIRST, SECOND

MIXTURES = 3
NAMING = ("mkdir", "rename", "unlink", "rmdir", "symlink", "link", "mknod")


def inode(path: str) -> int:
    return os.lstat(path).st_ino


@dataclass
class Disk:
    """Inodes by their number: a directory is a dict of names, a file its content, a link its text in a tuple."""

    top: str
    dirs: dict[int, dict[str, int]] = field(default_factory=dict)
    contents: dict[int, bytes | tuple[str]] = field(default_factory=dict)
    pending: list[tuple[int, str, int | None]] = field(default_factory=list)
    """(directory, name, inode or none) in the order of happening; not promised yet."""
    kinds: dict[int, bool] = field(default_factory=dict)
    """Whether an inode that was seen is a directory."""

    def named(self, path: str, number: int | None) -> None:
        folder, name = os.path.split(path)
        if number is not None:
            self.kinds[number] = stat.S_ISDIR(os.lstat(path).st_mode)
        self.pending.append((inode(folder), name, number))

    def synced_file(self, number: int, content: bytes) -> None:
        self.contents[number] = content

    def synced_dir(self, number: int) -> None:
        for folder, name, target in self.pending:
            if folder == number:
                self.dirs.setdefault(folder, {})[name] = target  # type: ignore[assignment]
        self.pending = [change for change in self.pending if change[0] != number]

    def synced_all(self) -> None:
        """What is there now is there for good."""
        self.dirs, self.contents, self.pending = {}, {}, []
        for folder, names, files in os.walk(self.top):
            here = self.dirs[inode(folder)] = {}
            for name in names + files:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                here[name] = info.st_ino
                self.kinds[info.st_ino] = stat.S_ISDIR(info.st_mode)
                if stat.S_ISREG(info.st_mode):
                    with open(path, "rb") as file:
                        self.contents[info.st_ino] = file.read()
                elif stat.S_ISLNK(info.st_mode):
                    self.contents[info.st_ino] = (os.readlink(path),)

    def found(self, luck: Callable[[], bool]) -> dict[int, dict[str, int]]:
        """The directories as the machine may find them."""
        dirs = {number: dict(names) for number, names in self.dirs.items()}
        for folder, name, target in self.pending:
            if luck():
                dirs.setdefault(folder, {})[name] = target  # type: ignore[assignment]
        return dirs

    def write_out(self, dirs: dict[int, dict[str, int]], number: int, path: str) -> None:
        os.makedirs(path)
        for name, target in dirs.get(number, {}).items():
            place = os.path.join(path, name)
            if target is None:
                continue
            if self.kinds.get(target):
                self.write_out(dirs, target, place)
                continue
            content = self.contents.get(target, b"")
            if isinstance(content, tuple):
                os.symlink(content[0], place)
                continue
            with open(place, "wb") as file:
                file.write(content)


class Watch:
    """Tells the disk what happens, and after each change what could be left of it is looked at."""

    def __init__(self, disk: Disk, folder: str) -> None:
        self.disk, self.folder = disk, folder
        self.chance = random.Random(7)  # the same mixtures every time
        self.busy = False
        self.cuts = 0
        self.really = {name: getattr(os, name) for name in (*NAMING, "open", "fsync")}
        self.really_syncfs = calls.syncfs

    def install(self) -> None:
        for name in NAMING:
            setattr(os, name, self.naming(name))
        os.open, os.fsync, calls.syncfs = self.open, self.fsync, self.syncfs  # type: ignore[assignment]

    def naming(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **rest: Any) -> Any:
            before = [self.path(arg, rest.get(key)) for arg, key in self.arguments(name, args)]
            gone = inode(before[0]) if name == "rename" and not self.busy else None
            result = self.really[name](*args, **rest)
            if not self.busy and before[-1].startswith(self.disk.top):
                if name in ("unlink", "rmdir"):
                    self.disk.named(before[0], None)
                elif name == "rename":
                    self.disk.named(before[1], gone)
                    self.disk.named(before[0], None)
                else:
                    self.disk.named(before[-1], inode(before[-1]))
                self.cut()
            return result

        return call

    def arguments(self, name: str, args: tuple[Any, ...]) -> list[tuple[str, str]]:
        if name == "rename":
            return [(args[0], "src_dir_fd"), (args[1], "dst_dir_fd")]
        if name == "link":
            return [(args[1], "dst_dir_fd")]
        return [(args[1 if name == "symlink" else 0], "dir_fd")]

    def path(self, path: str, dir_fd: int | None) -> str:
        if dir_fd is None:
            return os.path.abspath(path)
        return os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), path)

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        new = bool(flags & os.O_CREAT) and not self.busy and not os.path.lexists(self.path(path, dir_fd))
        fd: int = self.really["open"](path, flags, mode, dir_fd=dir_fd)
        if new and self.path(path, dir_fd).startswith(self.disk.top):
            self.disk.named(self.path(path, dir_fd), os.fstat(fd).st_ino)
            self.cut()
        return fd

    def fsync(self, fd: int) -> None:
        self.really["fsync"](fd)
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            self.disk.synced_dir(info.st_ino)
        else:
            with open(f"/proc/self/fd/{fd}", "rb") as file:
                self.disk.synced_file(info.st_ino, file.read())
        self.cut()

    def syncfs(self, fd: int) -> None:
        self.really_syncfs(fd)
        self.disk.synced_all()
        self.cut()

    def cut(self) -> None:
        """The machine goes down here: every disk that it may come back to is looked at."""
        self.busy = True
        lucks: list[Callable[[], bool]] = [lambda: False, lambda: True]
        lucks += [lambda: self.chance.random() < 0.5] * MIXTURES
        for luck in lucks:
            place = os.path.join(self.folder, "found")
            shutil.rmtree(place, ignore_errors=True)
            dirs = self.disk.found(luck)
            self.disk.write_out(dirs, inode(self.disk.top), place)
            self.judge(Store(place))
            self.cuts += 1
        self.busy = False

    def judge(self, store: Store) -> None:
        wrong = [text for text in problems(store, deep=True) if "was left by a writer that died" not in text]
        assert not wrong, (self.cuts, wrong)


def life(store: Store) -> None:
    one = import_rootfs(store, io.BytesIO(FIRST), "app:1")
    import_rootfs(store, io.BytesIO(SECOND), "app:1")
    store.tag(one.id, "other:1")
    store.untag("other:1")
    store.prune()
    import_rootfs(store, io.BytesIO(t.tarball(t.file("z", b"z"))), "third:1")
    store.remove(str(store.resolve("third:1")))
    store.write_note("note.json", {"a": 1})


def main(folder: str) -> None:
    top = os.path.join(folder, "images")
    os.mkdir(top)
    disk = Disk(top)
    disk.synced_all()
    watch = Watch(disk, folder)
    watch.install()
    life(Store(top))
    assert watch.cuts > 300, watch.cuts
    sys.stdout.write(f"{watch.cuts}\n")


if __name__ == "__main__":
    main(sys.argv[1])
