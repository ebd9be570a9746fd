"""The caller's terminal and a container's: raw mode and back, and the size of the window.

Hot. Only descriptors that the caller hands over; which terminal a container gets is `bootstrap`'s business.
"""

from __future__ import annotations

import fcntl
import struct
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Mode = list[Any]

DEFAULT_SIZE = (24, 80)


def resize(fd: int, size: Sequence[int]) -> None:
    """Tell a terminal its (rows, columns); whoever runs on it gets SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(size[0]), int(size[1]), 0, 0))


def size_of(fd: int) -> tuple[int, int]:
    """(rows, columns) of a terminal; 24 by 80 where it is none or does not know."""
    try:
        if fd < 0:
            return DEFAULT_SIZE
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
