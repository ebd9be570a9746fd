"""Where a mount goes: paths resolved, and made where missing, beneath a root by descriptor. Hot.

Law: openat2(2) only. A user's target may follow the image's links as long as they stay inside; a place of the system's
follows none.
"""

from __future__ import annotations

import errno
import os

from stackup.errors import KernelError
from stackup.kernel import calls
from stackup.kernel.abi import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
)

NO_LINKS = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS


def system_place(root_fd: int, target: str) -> int:
    """A real directory at `target`, made where it is missing. Anything else there is the image's attack or mistake."""
    place = os.dup(root_fd)
    for name in target.strip("/").split("/"):
        try:
            os.mkdir(name, 0o755, dir_fd=place)
        except OSError as problem:
            if problem.errno not in (errno.EEXIST, errno.EROFS, errno.EACCES, errno.EPERM):
                raise
        try:
            outer, flags = place, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
            place = calls.openat2(outer, name, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
            os.close(outer)
        except KernelError as problem:
            if problem.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            hint = "use an image whose root has real directories for /proc, /sys and /dev"
            raise KernelError(problem.errno, "openat2", target, hint=hint) from problem
    return place


def make_beneath(root_fd: int, path: str, kind: int) -> int:
    """O_PATH of `path` resolved beneath the root; missing directories, and at the end a file or directory, are made."""
    how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
    try:
        return calls.openat2(root_fd, path, os.O_PATH | kind, how)
    except KernelError as problem:
        if problem.errno != errno.ENOENT:
            raise
    folder, name = os.path.split(path.rstrip("/"))
    parent = make_beneath(root_fd, folder or "/", os.O_DIRECTORY)
    try:
        if kind:
            os.mkdir(name, 0o755, dir_fd=parent)
        else:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=parent))
        return calls.openat2(parent, name, os.O_PATH | kind, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    finally:
        os.close(parent)


def make_owned(path: str) -> None:
    """A folder of the host and what is missing above it, each of the owner of the folder that it is made in: what a
    stack file names beside itself belongs to whoever has the stack file. By descriptor: a folder that is swapped for a
    link meanwhile gets its own owner's folder, never somebody else's owner.
    """
    parent, name = os.path.split(path.rstrip("/"))
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        above = os.open(parent or "/", flags)
    except FileNotFoundError:
        make_owned(parent)
        above = os.open(parent, flags)
    try:
        os.mkdir(name, 0o755, dir_fd=above)
        made = os.open(name, flags | os.O_NOFOLLOW, dir_fd=above)
        owner = os.fstat(above)
        if os.geteuid() == 0:
            os.fchown(made, owner.st_uid, owner.st_gid)
        os.close(made)
    except FileExistsError:
        pass  # another replica was quicker
    finally:
        os.close(above)
