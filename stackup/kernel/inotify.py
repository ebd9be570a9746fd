"""What happens in folders, told by the kernel (inotify(7)). No policy: numbers and names, in the kernel's order.

A watch is on a folder and not on its name, so one folder has one number, whatever paths lead to it. The kernel's queue
is bounded: after LOST nobody knows what happened, and whoever cares must look at everything.
"""

from __future__ import annotations

import errno
import os
import select
import struct
from dataclasses import dataclass

from stackup.errors import HostError, KernelError
from stackup.kernel import calls

ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x4, 0x8, 0x40, 0x80
CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x100, 0x200, 0x400, 0x800
LOST, IGNORED = 0x4000, 0x8000
"""LOST: the queue has overflowed. IGNORED: the watch has gone, with its folder or because it was dropped."""
_ONLYDIR, _DONT_FOLLOW, _EXCL_UNLINK = 0x01000000, 0x02000000, 0x04000000
CHANGES = ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
"""A file counts when whoever writes it closes it: before that it is half of something."""
_HEAD = struct.Struct("iIII")
_READ = 1 << 18
_LIMITS = {
    errno.ENOSPC: ("too many folders are watched", "raise fs.inotify.max_user_watches with sysctl, or ignore folders"),
    errno.EMFILE: ("too many programs watch folders", "raise fs.inotify.max_user_instances with sysctl"),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """`name` in the folder that has the watch `number`; empty when it is about the folder itself."""

    number: int
    mask: int
    name: str


class Inotify:
    """A queue of the kernel's. To be closed."""

    __slots__ = ("_fd", "_poll")

    def __init__(self) -> None:
        try:
            self._fd = calls.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        except KernelError as problem:
            raise _explained(problem) from problem
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def add(self, folder: str, *, follow: bool = False) -> int | None:
        """The folder's number; None when there is no such folder, or none that we may look into."""
        mask = CHANGES | _ONLYDIR | _EXCL_UNLINK | (0 if follow else _DONT_FOLLOW)
        try:
            return calls.inotify_add_watch(self._fd, folder, mask)
        except KernelError as problem:
            if problem.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP):
                return None
            raise _explained(problem) from problem

    def drop(self, number: int) -> None:
        """Gone already is fine."""
        try:
            calls.inotify_rm_watch(self._fd, number)
        except KernelError as problem:
            if problem.errno != errno.EINVAL:
                raise

    def wait(self, seconds: float | None = None) -> bool:
        """Whether something has happened; None waits for as long as it takes."""
        return bool(self._poll.poll(None if seconds is None else max(0.0, seconds) * 1000))

    def read(self) -> list[Happening]:
        """What has happened so far; never waits."""
        try:
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return []
        found = []
        at = 0
        while at < len(data):
            number, mask, _cookie, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            found.append(Happening(number, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))))
            at += length
        return found

    def close(self) -> None:
        os.close(self._fd)


def _explained(problem: KernelError) -> HostError:
    message, hint = _LIMITS.get(problem.errno, (problem.message, problem.hint))
    return HostError(message, subject=problem.subject, hint=hint)
