"""Folders whose files are in memory and on no disk: what is there already, or a tmpfs that is mounted on them."""

from __future__ import annotations

import os

from stackup.errors import KernelError
from stackup.kernel import calls, files, proc
from stackup.kernel.abi import MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID, UMOUNT_NOFOLLOW

_KINDS = ("tmpfs", "ramfs")
_OPTIONS = "mode=0700,noswap", "mode=0700"
"""The first has nothing written to a swap file either, and is known since Linux 6.4."""


def provide(folder: str) -> None:
    """Makes the folder, and has it in memory."""
    files.make_dir(folder)
    if _is_memory(folder):
        return
    for options in _OPTIONS:
        try:
            calls.mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
            return
        except KernelError:
            if options is _OPTIONS[-1]:
                raise


def release(folder: str) -> None:
    """Takes our tmpfs away once nothing is in it; that there is none is success."""
    if os.path.ismount(folder) and not os.listdir(folder):
        calls.umount2(folder, MNT_DETACH | UMOUNT_NOFOLLOW)


def _is_memory(folder: str) -> bool:
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    return any(mount.fstype in _KINDS for mount in proc.mounts() if mount.device == number)
