"""A tmpfs of a running container takes another size or mode in place; its monitor does it, which knows the process.

The container's own paths lead to it, so what is found must be a tmpfs that nobody but the container has: a program may
have put a link there, to a file system of the host's that it was given. Hot.
"""

from __future__ import annotations

import os

from stackup.errors import HostError, KernelError
from stackup.kernel import calls, proc
from stackup.kernel.abi import (
    FSCONFIG_CMD_RECONFIGURE,
    FSCONFIG_SET_STRING,
    FSPICK_CLOEXEC,
    FSPICK_EMPTY_PATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL_SIZE = "50%"
"""What the kernel gives a tmpfs without a size, tmpfs(5)."""
_REMEDY = "free space in it, or make the container anew: stackup up --force-recreate"


def change(pid: int, target: str, options: Mapping[str, str]) -> None:
    """`options` are those that it would be made with; the process has it mounted at `target`."""
    root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        place = calls.openat2(root, target, os.O_PATH | os.O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    finally:
        os.close(root)
    try:
        _require_own(pid, place, target)
        _resize(place, target, options.get("size", USUAL_SIZE))
        os.chmod(f"/proc/self/fd/{place}", int(options["mode"], 8))
    finally:
        os.close(place)


def _require_own(pid: int, place: int, target: str) -> None:
    number = os.fstat(place).st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    theirs = {mount.fstype for mount in proc.mounts(pid) if mount.device == device}
    if theirs != {"tmpfs"} or any(mount.device == device for mount in proc.mounts()):
        raise HostError(f'"{target}" leads to something else than the container\'s tmpfs', subject=target, hint=_REMEDY)


def _resize(place: int, target: str, size: str) -> None:
    fd = calls.fspick(place, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH)
    try:
        calls.fsconfig(fd, FSCONFIG_SET_STRING, "size", size)
        calls.fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, None, None)
    except KernelError as problem:
        message = f'the kernel refuses to make the tmpfs "{target}" {size} bytes large: is there more in it?'
        raise HostError(message, subject=target, hint=_REMEDY) from problem
    finally:
        os.close(fd)
