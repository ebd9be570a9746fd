"""Files that are either old or new, never torn: written aside, synced, renamed. And locks that end with their holder.

Hot: imports nothing dear. Every JSON file of stackup's goes through here.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat

from stackup.errors import REMEDIES, Busy, HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def host_error(problem: OSError, doing: str, subject: str) -> HostError:
    """The one translation of OSError for files: what was being done, on what, and the remedy where there is one."""
    reason = (problem.strerror or str(problem)).lower()
    return HostError(f'{doing} "{subject}": {reason}', subject=subject, hint=REMEDIES.get(problem.errno or 0, ""))


def make_dir(path: str, mode: int = 0o700) -> None:
    """mkdir -p; new folders are the owner's alone, since they hold environments and secrets. Not `os.makedirs`: since
    Python 3.7 that gives its mode to the last one only.
    """
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, mode)
        except OSError as problem:
            if not os.path.isdir(folder):  # somebody else may have been faster
                raise host_error(problem, "cannot make folder", folder) from problem


def require_own(path: str) -> None:
    """Refuse a folder that somebody else could have filled: not ours, or others may write to it. Absent is fine."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as problem:
        raise host_error(problem, "cannot look at", path) from problem
    if not stat.S_ISDIR(found.st_mode):
        raise HostError(f'"{path}" is not a folder', subject=path, hint="move it away")
    if found.st_uid != os.geteuid():
        raise HostError(f'"{path}" belongs to user {found.st_uid}', subject=path, hint="chown it, or move it away")
    if found.st_mode & 0o022:
        who = "everybody" if found.st_mode & 0o002 else "its group"
        hint = f"look what is in it, then: chmod 700 {path}"
        raise HostError(f'{who} may write to "{path}"', subject=path, hint=hint)


def make_private(path: str) -> None:
    """`make_dir`, and nobody but the owner looks into it, whoever made it."""
    make_dir(path)
    try:
        if os.stat(path).st_mode & 0o077:
            os.chmod(path, 0o700)
    except OSError as problem:
        raise host_error(problem, "cannot make private", path) from problem


def write_bytes(path: str, data: bytes, *, mode: int = 0o600, durable: bool = True, aside: str = "") -> None:
    """Replace a file atomically. `durable` also survives a power cut: the file and its folder are synced.

    `aside` is where it is written first, on the same file system; beside the file unless said.
    """
    aside = aside or f"{path}.{os.getpid()}.new"
    try:
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(aside, path)
        if durable:
            sync_dir(os.path.dirname(path))
    except OSError as problem:
        remove(aside)
        raise host_error(problem, "cannot write", path) from problem


def put(path: str, text: str) -> None:
    """Into a file of the kernel's, in one write, as these want it. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def sync_dir(path: str) -> None:
    """Make renames in a folder survive a power cut (fsync(2), on the directory)."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_json(path: str, data: Any, *, durable: bool = True, aside: str = "") -> None:
    write_bytes(path, as_json(data), durable=durable, aside=aside)


def as_json(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def read_bytes(path: str) -> bytes | None:
    """None when there is no such file."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise host_error(problem, "cannot read", path) from problem


def read_json(path: str) -> Any:
    """The file's value; None when it is absent or is not JSON (a torn file is an absent one)."""
    try:
        return json.loads(read_bytes(path) or b"")
    except ValueError:
        return None


def remove(path: str) -> bool:
    """Unlink; gone already is success. Whether there was something."""
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def remove_asides(path: str) -> None:
    """What writers of this file left that were killed. Only for who keeps other writers away."""
    folder, name = os.path.split(path)
    for found in list_dir(folder):
        if found.startswith(f"{name}.") and found.endswith(".new"):
            remove(os.path.join(folder, found))


def list_dir(path: str) -> list[str]:
    """Sorted names; empty when the folder is absent."""
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as problem:
        raise host_error(problem, "cannot read", path) from problem


class Lock:
    """An exclusive flock(2) on a file whose text says who holds it: `with Lock(path, "stackup up"): ...`.

    The kernel drops it when its holder dies. Without `waiting`, a held lock raises Busy with the holder's own words;
    with it, `waiting(holder)` is told once and the call blocks.
    """

    def __init__(self, path: str, purpose: str, *, waiting: Callable[[str], None] | None = None) -> None:
        self.path = path
        self.purpose = purpose
        self.waiting = waiting
        self.fd = -1

    def __enter__(self) -> Lock:
        make_dir(os.path.dirname(self.path))
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take()
        except BaseException:
            os.close(self.fd)
            raise
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"{self.purpose} (process {os.getpid()})".encode(), 0)
        return self

    def _take(self) -> None:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(self.fd, 200, 0).decode(errors="replace") or "another stackup command"
        if self.waiting is None:
            raise Busy(f"{holder} is at work on this", subject=self.path, hint="wait for it to end and try again")
        self.waiting(holder)
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self.fd, 0)
        os.close(self.fd)
