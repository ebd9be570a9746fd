"""Terminals on both sides: a pseudo-terminal of the container's own devpts, and the caller's terminal in raw mode.

Hot. The master is opened through the container's root by descriptor and is checked to be the kernel's ptmx device,
since the image decides what lies at that path; the other end comes from the master (TIOCGPTPEER, Linux 4.13).
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import termios

from stackup.errors import HostError
from stackup.kernel import abi, calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Mode = list[Any]

_PTMX = os.makedev(5, 2)
_TIOCGPTPEER = 0x5441
_TIOCSPTLCK = 0x40045431
DEFAULT_SIZE = (24, 80)


def open_pair(root: str, size: Sequence[int]) -> tuple[int, int]:
    """(master, the process's end) from the devpts beneath `root`, a container's `/proc/PID/root`."""
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        place = calls.openat2(
            root_fd, "dev/pts/ptmx", os.O_PATH | os.O_NOFOLLOW, abi.RESOLVE_IN_ROOT | abi.RESOLVE_NO_SYMLINKS
        )
    finally:
        os.close(root_fd)
    try:
        found = os.fstat(place)
        if not stat.S_ISCHR(found.st_mode) or found.st_rdev != _PTMX:
            raise HostError("the container has no terminals: its /dev/pts is not a devpts", subject="/dev/pts/ptmx")
        master = os.open(f"/proc/self/fd/{place}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    finally:
        os.close(place)
    try:
        return master, peer(master, size)
    except OSError:
        os.close(master)
        raise


def peer(master: int, size: Sequence[int]) -> int:
    """The process's end of a master, unlocked, with a window size."""
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    resize(master, size)
    return fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def resize(fd: int, size: Sequence[int]) -> None:
    """Tell a terminal its (rows, columns); whoever runs on it gets SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(size[0]), int(size[1]), 0, 0))


def size_of(fd: int) -> tuple[int, int]:
    """(rows, columns) of a terminal; 24 by 80 where it is none or does not know."""
    try:
        rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        return DEFAULT_SIZE
    return (rows, columns) if rows and columns else DEFAULT_SIZE


def make_raw(fd: int) -> Mode | None:
    """Pass every key on; returns what `restore` needs, None when `fd` is no terminal. As cfmakeraw(3)."""
    try:
        before = termios.tcgetattr(fd)
    except termios.error:
        return None
    iflag, oflag, cflag, lflag, ispeed, ospeed, characters = before
    iflag &= ~(
        termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
        | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
    )  # fmt: skip
    oflag &= ~termios.OPOST
    lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    cflag = cflag & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    characters = list(characters)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSADRAIN, [iflag, oflag, cflag, lflag, ispeed, ospeed, characters])
    return before


def restore(fd: int, before: Mode | None) -> None:
    if before is not None:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
