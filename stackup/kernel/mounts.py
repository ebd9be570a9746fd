"""Is something mounted on a path? Asked of the kernel by descriptor, so that a bind within one file system counts. Hot.

`os.path.ismount` compares devices, and a folder bound onto another of the same disk has the same device on both sides.
"""

from __future__ import annotations

import os

from stackup.kernel import calls
from stackup.kernel.abi import MNT_DETACH, UMOUNT_NOFOLLOW


def is_mount(path: str) -> bool:
    """Whether the directory is the root of a mount. False when it is gone, or is a link."""
    try:
        fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        above = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
        try:
            return mount_id(fd) != mount_id(above)
        finally:
            os.close(above)
    finally:
        os.close(fd)


def mount_id(fd: int) -> str:
    """proc(5), fdinfo: the mount that a descriptor was opened through."""
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("mnt_id:"))


def detach(path: str) -> None:
    """Takes off everything that is mounted there; what lies behind it is left alone."""
    while is_mount(path):
        calls.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW)
