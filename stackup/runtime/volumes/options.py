"""`driver_opts` of the local driver, read: `type`, `device` and the words of `o`, as mount(8) has them. Pure.

Words that every file system knows become attributes of the mount; the rest is the file system's own, checked here where
we know it (a bind takes none, tmpfs those of tmpfs(5)) and by the kernel where we do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stackup.kernel.abi import (
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_STRICTATIME,
)

KNOWN = ("type", "o", "device")
BIND = ("bind", "rbind")
WITHOUT_DEVICE = ("tmpfs", "ramfs")
"""File systems that come from nowhere: a device is only their name."""
ATTRIBUTES = {
    "ro": MOUNT_ATTR_RDONLY, "nosuid": MOUNT_ATTR_NOSUID, "nodev": MOUNT_ATTR_NODEV, "noexec": MOUNT_ATTR_NOEXEC,
    "noatime": MOUNT_ATTR_NOATIME, "nodiratime": MOUNT_ATTR_NODIRATIME, "strictatime": MOUNT_ATTR_STRICTATIME,
    "rw": 0, "suid": 0, "dev": 0, "exec": 0, "atime": 0, "diratime": 0, "relatime": 0, "defaults": 0, "auto": 0,
    "noauto": 0, "nofail": 0, "user": 0, "nouser": 0, "users": 0, "_netdev": 0,
}  # fmt: skip
"""Those that are 0 are so anyway, or speak to mount(8)'s own table."""
SUPERBLOCK = ("ro", "sync", "dirsync", "lazytime", "mand")
"""Words that the file system itself is told."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be mounted; an empty `fstype` is a bind mount of `device`."""

    fstype: str
    device: str
    attributes: int
    options: dict[str, str]
    recursive: bool


def read(said: Mapping[str, str]) -> Wish:
    attributes, options = 0, {}
    for word in _words(said):
        attributes |= ATTRIBUTES.get(word, 0)
        if word in SUPERBLOCK or word not in (*ATTRIBUTES, *BIND):
            name, _, value = word.partition("=")
            options[name] = value
    fstype = "" if _binds(said) else said.get("type", "")
    return Wish(fstype, said.get("device", ""), attributes, options, "rbind" in _words(said))


def _words(said: Mapping[str, str]) -> list[str]:
    return [word for word in said.get("o", "").split(",") if word]


def _binds(said: Mapping[str, str]) -> bool:
    return said.get("type") == "bind" or any(word in BIND for word in _words(said))


def binds(said: Mapping[str, str]) -> str:
    """The folder of the host that is bound; empty for anything else, and for what is no path."""
    device = said.get("device", "")
    return device if _binds(said) and device.startswith("/") else ""


def check(said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(option, what is wrong with it)."""
    known = [key for key in said if key in KNOWN]
    for key in said.keys() - known:
        yield key, "no option of the local driver, which takes type, o and device"
    wish = read(said)
    if not known:
        return
    if _binds(said):
        yield from _check_bind(said, wish)
    elif wish.fstype in ("", "none"):
        at = "type" if "type" in said else known[0]
        yield at, "no type of file system is said; for a folder of this machine, `type: none` with `o: bind`"
    elif not wish.device and wish.fstype not in WITHOUT_DEVICE:
        yield "type", f"a {wish.fstype} needs a `device`"
    if wish.fstype == "tmpfs":
        yield from _check_tmpfs(wish.options)


def _check_bind(said: Mapping[str, str], wish: Wish) -> Iterator[tuple[str, str]]:
    if said.get("type", "none") not in ("none", "bind", ""):
        yield "type", "a bind has `type: none`"
    elif not wish.device.startswith("/"):
        yield ("device" if "device" in said else "o"), "a bind needs a `device`, which is an absolute path"
    for name in wish.options:
        if name not in SUPERBLOCK:
            yield "o", f'a bind has no option "{name}"'


_SIZE = re.compile(r"[0-9]{1,18}[kKmMgGtT%]?\Z")
_NUMBER = re.compile(r"[0-9]{1,10}\Z")
TMPFS = {
    "size": _SIZE, "nr_blocks": _SIZE, "nr_inodes": _SIZE, "mode": re.compile(r"[0-7]{1,5}\Z"), "uid": _NUMBER,
    "gid": _NUMBER, "huge": re.compile(r"(never|always|within_size|advise)\Z"), "mpol": re.compile(r"[a-z0-9:,=-]+\Z"),
    "noswap": re.compile(r"\Z"), "inode32": re.compile(r"\Z"), "inode64": re.compile(r"\Z"),
}  # fmt: skip
"""tmpfs(5)."""


def _check_tmpfs(options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if name in SUPERBLOCK:
            continue
        if name not in TMPFS:
            yield "o", f'tmpfs has no option "{name}"'
        elif not TMPFS[name].match(value):
            yield "o", f'"{value}" is no value of {name}'
