"""Whose the files of a bind mount are inside: an idmapped mount (mount_setattr(2), Linux 5.12). Hot.

`host`: the folder's owner on the host is root in the container, and what root writes is the owner's. Everybody else
stays who he is, but for the host's root: nobody in the container can make a file of his, or be taken for him.
`map`: the owner is root again, and the others are the owner's subordinate ids (subuid(5)), as in a rootless engine.
A mount takes its map from a user namespace, which lives as long as the child that was cloned into it, and the mount
keeps it. Only single-threaded programs come here.
"""

from __future__ import annotations

import errno
import os
import signal

from stackup.errors import HostError, KernelError
from stackup.kernel import calls, proc
from stackup.kernel.abi import AT_EMPTY_PATH, AT_RECURSIVE, CLONE_NEWUSER, MOUNT_ATTR_IDMAP, MountAttr

TYPE_CHECKING = False
if TYPE_CHECKING:
    Line = tuple[int, int, int]
    """As in uid_map: the number on the disk, the number that is seen, how many."""

_ALL = 2**32 - 1


def apply(tree: int, owners: str, *, recursive: bool) -> None:
    """A detached tree, before it is attached anywhere."""
    found = os.fstat(tree)
    if found.st_uid == 0 and found.st_gid == 0:
        return  # root is root
    if owners == "map":
        lines = subordinate("/etc/subuid", found.st_uid), subordinate("/etc/subgid", found.st_gid, found.st_uid)
    else:
        lines = swapped(found.st_uid), swapped(found.st_gid)
    namespace = _user_namespace(*lines)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    try:
        calls.mount_setattr(tree, "", flags, MountAttr(attr_set=MOUNT_ATTR_IDMAP, userns_fd=namespace))
    except KernelError as problem:
        if problem.errno in (errno.EINVAL, errno.EPERM):
            text = "its file system, or one that is mounted in it, cannot show files as somebody else's"
            raise HostError(text, hint="leave `x-stackup: {uid: ...}` out") from problem
        raise
    finally:
        os.close(namespace)


def swapped(owner: int) -> list[Line]:
    """The owner is seen as 0, and the disk's own 0 is nobody."""
    if owner == 0:
        return [(0, 0, _ALL)]
    below = [(1, 1, owner - 1)] if owner > 1 else []
    return [*below, (owner, 0, 1), (owner + 1, owner + 1, _ALL - owner - 1)]


def subordinate(path: str, owner: int, user: int | None = None) -> list[Line]:
    """`user` is who has the ids, where that is not the owner: groups' ids are given to users."""
    who = owner if user is None else user
    names, at, lines = _names(who), 1, [(owner, 0, 1)]
    for line in (proc.read(path) or "").splitlines():
        name, _, span = line.partition(":")
        start, _, count = span.partition(":")
        if name in names and start.isdigit() and count.isdigit():
            lines.append((int(start), at, int(count)))
            at += int(count)
    if at == 1:
        hint = "give them to him with `usermod --add-subuids`, or write `uid: host`"
        raise HostError(f"user {who} has no ids in {path}", subject=path, hint=hint)
    return lines


def _names(user: int) -> set[str]:
    """A user by number and by name; the password file is read by hand, since no library may be loaded here."""
    rows = (line.split(":") for line in (proc.read("/etc/passwd") or "").splitlines())
    return {str(user), *(row[0] for row in rows if len(row) > 2 and row[2] == str(user))}


def _user_namespace(uids: list[Line], gids: list[Line]) -> int:
    wait, go = os.pipe2(os.O_CLOEXEC)
    pid, pidfd = calls.clone3(CLONE_NEWUSER)
    if pid == 0:
        os.close(go)
        os.read(wait, 1)
        os._exit(0)
    try:
        home = f"/proc/{proc.pid_of(pidfd)}"
        for name, lines in (("uid_map", uids), ("gid_map", gids)):
            _write(f"{home}/{name}", "".join(f"{inner} {outer} {count}\n" for inner, outer, count in lines))
        return os.open(f"{home}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        for fd in (pidfd, wait, go):
            os.close(fd)


def _write(path: str, text: str) -> None:
    """In one write, as user_namespaces(7) wants it."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
