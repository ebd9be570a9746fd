"""User namespaces, user_namespaces(7): made, entered, and namespaces made that belong to one. Hot.

A process that enters a user namespace never comes back, and one with threads cannot enter; so a child does, which
sleeps while its parent takes what it needs from /proc/PID/ns. Only single-threaded programs come here.
"""

from __future__ import annotations

import errno
import os
import signal

from stackup.errors import HostError, KernelError
from stackup.kernel import calls, files, proc
from stackup.kernel.abi import CLONE_NEWUSER, MOUNT_ATTR_IDMAP, MountAttr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")
    Line = tuple[int, int, int]
    """As in uid_map: the number inside, the number outside, how many."""

_NO_ROOM = (errno.ENOSPC, errno.EUSERS)


def nothing() -> None:
    """For a child that only has to be there."""


def made(
    uids: Sequence[Line],
    gids: Sequence[Line],
    take: Callable[[str], T],
    *,
    flags: int = 0,
    body: Callable[[], None] = nothing,
) -> T:
    """What `take` makes of `/proc/PID` of a child in a new user namespace with these maps.

    `flags`: other namespaces that are to belong to it; `body` runs in them first, with all powers over them.
    """

    def mapped(pid: int, _pidfd: int) -> T:
        home = f"/proc/{pid}"
        for name, lines in (("uid_map", uids), ("gid_map", gids)):
            files.put(f"{home}/{name}", "".join(f"{inner} {outer} {count}\n" for inner, outer, count in lines))
        return take(home)

    try:
        return _beside(CLONE_NEWUSER | flags, body, mapped)
    except KernelError as problem:
        if problem.errno in _NO_ROOM:
            hint = "raise the kernel parameters in /proc/sys/user, such as user.max_user_namespaces"
            raise HostError("this machine makes no more user namespaces", subject="user", hint=hint) from problem
        raise


def adopt(users_fd: int, flags: int) -> None:
    """The calling process stands in new namespaces that belong to the user namespace, with the powers that it had."""

    def body() -> None:
        calls.setns(users_fd, CLONE_NEWUSER)
        calls.unshare(flags)

    _beside(0, body, lambda _pid, pidfd: calls.setns(pidfd, flags))


def perform(users_fd: int, body: Callable[[], None]) -> None:
    """Run `body` as root of the user namespace, with its numbers of users and groups. Its error is raised here."""

    def inside() -> None:
        enter(users_fd)
        body()

    _beside(0, inside, lambda _pid, _pidfd: None)


def enter(users_fd: int) -> None:
    """For good: the calling process is its root, with powers in it and nowhere else. The descriptor is spent."""
    calls.setns(users_fd, CLONE_NEWUSER)
    os.close(users_fd)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def show(tree: int, users_fd: int, flags: int) -> None:
    """A detached mount's files as the user namespace numbers them: owner n on the disk is its user n.

    mount_setattr(2), Linux 5.12. `flags` as for the call. Raises HostError where the file system has no such mounts.
    """
    try:
        calls.mount_setattr(tree, "", flags, MountAttr(attr_set=MOUNT_ATTR_IDMAP, userns_fd=users_fd))
    except KernelError as problem:
        if problem.errno in (errno.EINVAL, errno.EPERM):
            text = "its file system, or one that is mounted in it, cannot show files as somebody else's"
            raise HostError(text) from problem
        raise


def _beside(flags: int, body: Callable[[], None], use: Callable[[int, int], T]) -> T:
    """`use(pid, pidfd)` while there is a child that has run `body`."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    wait, go = os.pipe2(os.O_CLOEXEC)
    pid, pidfd = calls.clone3(flags)
    if pid == 0:
        os.close(go)  # a copy of it would hide that the parent is gone
        _child(body, tell, wait)
    os.close(tell)
    try:
        said = os.read(told, 4096)
        if said != b"\0":
            raise _failure(said)
        return use(proc.pid_of(pidfd), pidfd)
    finally:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        for fd in (pidfd, told, wait, go):
            os.close(fd)


def _child(body: Callable[[], None], tell: int, wait: int) -> None:
    try:
        body()
        os.write(tell, b"\0")
        os.read(wait, 1)
    except (KernelError, OSError) as problem:
        call = problem.call if isinstance(problem, KernelError) else str(problem.filename or "")
        os.write(tell, f"{problem.errno or 0} {call}".encode())
    finally:
        os._exit(0)


def _failure(said: bytes) -> HostError:
    number, _, call = said.decode(errors="replace").partition(" ")
    if not number.isdigit():
        return HostError("a child in a user namespace ended without a word")
    return KernelError(int(number), call or "write")
