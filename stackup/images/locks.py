"""The store's locks: flock(2) on files and directories, which the kernel drops with their process, however it dies."""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class Held:
    """A lock held for the length of a `with` block; waiting for it blocks."""

    __slots__ = ("_fd", "_kind", "_path")

    def __init__(self, path: str, kind: int) -> None:
        self._path = path
        self._kind = kind
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, self._kind)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def shared(path: str) -> Held:
    return Held(path, fcntl.LOCK_SH)


def exclusive(path: str) -> Held:
    return Held(path, fcntl.LOCK_EX)


def hold(path: str) -> int:
    """Locks a directory just made; the descriptor is the lock."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def claim(path: str) -> int | None:
    """The lock of something whose holder is gone; None while there is a holder, or nothing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
