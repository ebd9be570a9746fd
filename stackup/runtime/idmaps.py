"""Whose the files of a bind mount are inside: an idmapped mount (mount_setattr(2), Linux 5.12). Hot.

`host`: the folder's owner on the host is root in the container, and what root writes is the owner's. Everybody else
stays who he is, but for the host's root: nobody in the container can make a file of his, or be taken for him.
`map`: the owner is root again, and the others are the owner's subordinate ids (subuid(5)), as in a rootless engine.
A container with a user namespace of its own has ids from `base` on for its 0 and up; a mount shows it the disk's 0 to
65535 as those, so that it reads and writes the disk's numbers. Files of everybody above are nobody's there.
A mount takes its map from a user namespace, and keeps it. Only single-threaded programs come here.
"""

from __future__ import annotations

import os

from stackup.errors import HostError
from stackup.kernel import proc, userns
from stackup.kernel.abi import AT_EMPTY_PATH, AT_RECURSIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    Line = tuple[int, int, int]
    """As in uid_map: the number on the disk, the number that is seen, how many."""

_ALL = 2**32 - 1
SIZE = 65536
"""How many users a container with a user namespace of its own has; up to nobody, as everywhere."""


class Users:
    """A container's user namespace and what its user 0 is outside."""

    __slots__ = ("base", "fd")

    def __init__(self, fd: int = -1, base: int = 0) -> None:
        self.fd = fd
        self.base = base


def apply(tree: int, owners: str, users: Users, *, recursive: bool) -> None:
    """A detached tree, before it is attached anywhere. `owners` may be empty: everybody is who he is."""
    found = os.fstat(tree)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    try:
        if owners and (found.st_uid or found.st_gid):
            uids, gids = _seen(found, owners)
            if users.fd >= 0:
                uids, gids = within(uids, users.base), within(gids, users.base)
            namespace = userns.made(uids, gids, lambda home: os.open(f"{home}/ns/user", os.O_RDONLY | os.O_CLOEXEC))
            userns.show(tree, namespace, flags)
            os.close(namespace)
        elif users.fd >= 0:
            userns.show(tree, users.fd, flags)
    except HostError as problem:
        problem.hint = problem.hint or ("leave `x-stackup: {uid: ...}` out" if owners else "leave `userns_mode` out")
        raise


def _seen(folder: os.stat_result, owners: str) -> tuple[list[Line], list[Line]]:
    if owners == "map":
        uids, gids = (f"/etc/sub{kind}" for kind in ("uid", "gid"))
        return subordinate(uids, folder.st_uid), subordinate(gids, folder.st_gid, folder.st_uid)
    return swapped(folder.st_uid), swapped(folder.st_gid)


def within(lines: list[Line], base: int) -> list[Line]:
    """The same for a container whose users are numbered from `base` on; it has no more than its range."""
    return [(disk, base + seen, min(count, SIZE - seen)) for disk, seen, count in lines if seen < SIZE]


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
