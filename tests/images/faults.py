"""A life of a store in which one write goes wrong: the process is killed in it, or the disk says no.

A program: `python -m tests.images.faults FOLDER kill|ENOSPC|EROFS|EMFILE`. It counts the calls that change a file
system in one undisturbed life, and then lives once for each of them, in a forked child, since only that can be killed.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import signal
import sys
from collections.abc import Callable
from typing import Any

from stackup.errors import StackupError
from stackup.images.importer import import_rootfs
from stackup.images.loading import load
from stackup.images.saving import Wanted, chunks, pack
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.kernel import calls
from tests.images import tarballs as t

CHANGES = (
    "open",
    "write",
    "mkdir",
    "rename",
    "unlink",
    "rmdir",
    "fsync",
    "symlink",
    "link",
    "mknod",
    "chmod",
    "utime",
    "fchmod",
)
FIRST = t.tarball(t.file("f", b"1"), t.directory("d"), t.symlink("d/l", "../f"))
SECOND = t.tarball(t.file("g", b"2"), t.file(".wh.f"), t.hardlink("h", "g"))


def life(store: Store, archive: bytes) -> None:
    """Import, load, move a name, forget one, remove, prune."""
    one = import_rootfs(store, io.BytesIO(FIRST), "app:1")
    with store.writing():
        for loaded in load(store, io.BytesIO(archive), "the archive"):
            store.tag(loaded.image_id, "loaded:1")
    import_rootfs(store, io.BytesIO(SECOND), "app:1")
    store.tag(one.id, "other:1")
    store.remove(str(store.resolve("loaded:1")))
    store.untag("other:1")
    store.prune()
    store.write_note("note.json", {"a": 1})


def packed(folder: str) -> bytes:
    """An archive with an image of two layers, the first of which `life` imports as well."""
    store = Store(folder)
    import_rootfs(store, io.BytesIO(FIRST), "a:1")
    two = import_rootfs(store, io.BytesIO(SECOND), "b:1", ["ENV a=b"])
    return b"".join(chunks(store, pack(store, [Wanted(two.id, ("docker.io/library/loaded:1",))])))


class Fault:
    """From `install` on the n-th change does `harm`; `seen` counts them."""

    def __init__(self, at: int, harm: Callable[[], None]) -> None:
        self.at, self.harm, self.seen = at, harm, 0

    def count(self) -> None:
        self.seen += 1
        if self.seen == self.at:
            self.harm()

    def install(self) -> None:
        for name in CHANGES:
            setattr(os, name, self.counted(getattr(os, name)))
        calls.syncfs = self.counted(calls.syncfs)
        really_open = builtins.open

        def counted_open(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
            if "w" in mode:
                self.count()
            return really_open(file, mode, *rest, **more)

        builtins.open = counted_open  # type: ignore[assignment]

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **rest: Any) -> Any:
            if call.__name__ != "open" or (len(args) > 1 and args[1] & (os.O_CREAT | os.O_WRONLY)):
                self.count()
            return call(*args, **rest)

        return counted


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refused(number: int) -> Callable[[], None]:
    def harm() -> None:
        raise OSError(number, os.strerror(number))

    return harm


def in_child(body: Callable[[], int]) -> int:
    """The exit code of a forked child, negative for a signal."""
    pid = os.fork()
    if not pid:
        code = 99
        try:
            code = body()
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def undisturbed(folder: str, archive: bytes) -> int:
    """How many changes a whole life makes; through a pipe, since it is a child that counts."""
    reading, writing = os.pipe()

    def counting() -> int:
        fault, write = Fault(-1, killed), os.write
        fault.install()
        life(Store(folder), archive)
        write(writing, str(fault.seen).encode())
        return 0

    assert in_child(counting) == 0
    os.close(writing)
    with open(reading, "rb") as file:
        return int(file.read())


def disturbed(folder: str, archive: bytes, at: int, word: str) -> None:
    store = Store(folder)

    def body() -> int:
        Fault(at, killed if word == "kill" else refused(getattr(errno, word))).install()
        try:
            life(store, archive)
        except StackupError:
            return 1
        return 0

    code = in_child(body)
    assert code in ((-signal.SIGKILL,) if word == "kill" else (0, 1)), (at, code)
    wrong = [text for text in problems(store, deep=True) if "was left by a writer that died" not in text]
    assert not wrong, (at, wrong)
    assert in_child(lambda: life(store, archive) or 0) == 0, at
    assert problems(store, deep=True) == (), at
    assert [len(os.listdir(os.path.join(folder, name))) for name in ("aside", "layers", "images", "tags")] == [
        0,
        1,
        1,
        1,
    ], at


def main(folder: str, word: str) -> None:
    made, place = os.path.join(folder, "made"), os.path.join(folder, "images")
    assert in_child(lambda: keep(packed(made), os.path.join(folder, "archive"))) == 0
    with open(os.path.join(folder, "archive"), "rb") as file:
        archive = file.read()
    total = undisturbed(place, archive)
    assert total > 100, total
    for at in range(1, total + 1):
        shutil.rmtree(place, ignore_errors=True)
        disturbed(place, archive, at, word)
    sys.stdout.write(f"{total}\n")


def keep(data: bytes, path: str) -> int:
    with open(path, "wb") as file:
        file.write(data)
    return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
