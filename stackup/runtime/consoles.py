"""A container's terminals, from inside: each a pair of its own devpts, whose ends are found by descriptor. Hot."""

from __future__ import annotations

import fcntl
import os
import struct

from stackup.errors import HostError, KernelError
from stackup.kernel import calls
from stackup.kernel.abi import RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS

_TIOCSPTLCK, _TIOCGPTPEER = 0x40045431, 0x5441
_OWN = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS


def inner_end(master_fd: int) -> int:
    """ioctl_tty(2): TIOCGPTPEER opens the other end without a path that somebody could swap."""
    fcntl.ioctl(master_fd, _TIOCSPTLCK, struct.pack("i", 0))
    return fcntl.ioctl(master_fd, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def new_master() -> int:
    """The container may have changed what lies at /dev/pts: a link is refused, and so is anything but a ptmx."""
    top = os.open("/", os.O_PATH)
    fd = calls.openat2(top, "dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK, _OWN)
    found = os.fstat(fd)
    if found.st_mode & 0o170000 != 0o020000 or found.st_rdev != os.makedev(5, 2):
        raise HostError('"/dev/pts/ptmx" in the container is not the multiplexer of terminals', subject="/dev/pts/ptmx")
    os.set_blocking(fd, True)
    return fd


def in_these_mounts(tty_fd: int) -> int:
    """The same terminal by its path, so that ttyname(3) finds it: it was opened in mounts that nobody sees any more."""
    path = f"dev/pts/{os.minor(os.fstat(tty_fd).st_rdev)}"
    try:
        fd = calls.openat2(os.open("/", os.O_PATH), path, os.O_RDWR | os.O_NOCTTY, _OWN)
    except KernelError:
        return tty_fd  # the user has mounted something else there
    return fd if os.path.samestat(os.fstat(fd), os.fstat(tty_fd)) else tty_fd
