"""Where images, volumes and what containers write lie: overlayfs, the file system of the state, room on it, /usr."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress

from stackup.engines.builtin.doctor.words import less, none, ok, read
from stackup.engines.engine import Finding
from stackup.errors import KernelError
from stackup.images import host
from stackup.kernel import abi, calls
from stackup.layout import Layout

ROOM = 1 << 30
FILES = 20_000
"""What a small image takes."""
ELSEWHERE = "point STACKUP_ROOT at a folder on a local disk, such as ext4, xfs or btrfs"


def overlay(layout: Layout) -> Iterator[Finding]:
    """fsopen(2) loads the module, which /proc/filesystems does not know before."""
    try:
        os.close(calls.fsopen("overlay", abi.FSOPEN_CLOEXEC))
    except KernelError:
        yield none("overlayfs", "the kernel has no overlayfs", "load it: modprobe overlay")
        return
    kind = file_system(layout.state)
    if kind == "overlay":
        detail = f'"{layout.state}" is on overlayfs, so containers write to memory and lose it at a reboot'
        yield less("overlayfs", detail, "point STACKUP_ROOT at a folder on a disk")
    else:
        yield ok("overlayfs", f"state on {kind}")


def state(layout: Layout) -> Iterator[Finding]:
    place = _nearest(layout.state)
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        yield none("state", f'"{layout.state}" is on a file system that is read-only', ELSEWHERE)
    elif absent := _attributes_refused(place):
        yield none("state", f'"{layout.state}" keeps no {absent} attributes, which layers need', ELSEWHERE)
    else:
        yield ok("state", f'"{layout.state}" keeps owners and attributes')


def _attributes_refused(place: str) -> str:
    """Tried on a file without a name. A file system that has none of those is taken at its word elsewhere."""
    with suppress(OSError):
        fd = os.open(place, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            for space in ("trusted", "user"):
                try:
                    os.setxattr(fd, f"{space}.stackup", b"y")
                except OSError:
                    return space
        finally:
            os.close(fd)
    return ""


def room(layout: Layout) -> Iterator[Finding]:
    place = _nearest(layout.state)
    found = os.statvfs(place)
    free, files = found.f_bavail * found.f_frsize, found.f_favail
    hint = "remove what nobody uses: stackup image prune, stackup volume prune"
    if free < ROOM:
        yield less("disk", f'{free >> 20} MiB are free where "{layout.state}" lies', hint)
    elif found.f_files and files < FILES:
        yield less("disk", f'{files} more files are possible where "{layout.state}" lies', hint)
    else:
        yield ok("disk", f"{free / (1 << 30):.1f} GiB are free")


def host_image(_: Layout) -> Iterator[Finding]:
    lines = host.describe_host()
    for line in lines:
        yield less("image: host", line, "import an image instead: stackup image import")
    if not lines:
        yield ok("image: host", "this machine's /usr, read-only")


def programs(_: Layout) -> Iterator[Finding]:
    if shutil.which("git"):
        yield ok("git", "builds and stack files may come from repositories")
    else:
        yield less("git", "no builds and no stack files from repositories", "install git")


LOOKS = (overlay, state, room, host_image, programs)


def file_system(path: str) -> str:
    """The type of the file system that a path is or would be on: the longest mount point above it."""
    best, kind = "", "unknown"
    for line in read("/proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4]
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def _nearest(path: str) -> str:
    """The path itself, or the folder above it that is there."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path
