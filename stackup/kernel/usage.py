"""What a tree takes on its disk: blocks, not lengths, so that holes cost nothing; a file with many names counts once.

Walked by descriptor; links are not followed and other mounts are not entered. What goes away meanwhile is left out.
"""

from __future__ import annotations

import os

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def disk_usage(folder_fd: int) -> int:
    """Bytes of everything below a directory that is held open."""
    return _usage(folder_fd, os.fstat(folder_fd).st_dev, set())


def _usage(folder_fd: int, device: int, seen: set[int]) -> int:
    total = 0
    for name in os.listdir(folder_fd):
        try:
            info = os.lstat(name, dir_fd=folder_fd)
            if info.st_dev != device or info.st_ino in seen:
                continue
            if info.st_nlink > 1:
                seen.add(info.st_ino)
            total += info.st_blocks * 512
            if info.st_mode & 0o170000 == 0o040000:
                total += _below(folder_fd, name, device, seen)
        except (FileNotFoundError, NotADirectoryError):
            continue
    return total


def _below(folder_fd: int, name: str, device: int, seen: set[int]) -> int:
    fd = os.open(name, _FOLDER, dir_fd=folder_fd)
    try:
        return _usage(fd, device, seen)
    finally:
        os.close(fd)
