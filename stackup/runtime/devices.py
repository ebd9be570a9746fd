"""The device nodes of a container: the few that every program expects, and the host's for who may have them.

Law: a node is a number, never a path of the host's bound inside, except that its number is read from the host when the
user names one. `rules` are what the device controller of cgroup v1 is told.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import NotRequired, TypedDict

from stackup.errors import HostError


class Device(TypedDict):
    target: str
    kind: str
    """`c` or `b`."""
    major: int
    minor: int
    mode: int
    uid: int
    gid: int
    permissions: NotRequired[str]
    """What the device controller lets it do: any of r, w, m; all when absent."""


_NUMBERS = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_COMMON_RULES = ("c *:* m", "b *:* m", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm")
_OURS = ("pts", "shm", "mqueue", "fd", "console", "ptmx", "core", "stdin", "stdout", "stderr")


def default_devices() -> tuple[Device, ...]:
    return tuple(
        {"target": f"/dev/{name}", "kind": "c", "major": major, "minor": minor, "mode": 0o666, "uid": 0, "gid": 0}
        for name, (major, minor) in _NUMBERS.items()
    )


def device(path: str, target: str = "") -> Device:
    """A node of the host's under its own or another name inside /dev."""
    try:
        found = os.stat(path)
    except OSError as problem:
        raise HostError(f'no device "{path}" on this machine', subject=path) from problem
    if not (stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)):
        raise HostError(f'"{path}" is not a device', subject=path, hint="mount files and folders as volumes")
    return {
        "target": target or path,
        "kind": "c" if stat.S_ISCHR(found.st_mode) else "b",
        "major": os.major(found.st_rdev),
        "minor": os.minor(found.st_rdev),
        "mode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
    }


def named_devices(source: str, target: str, permissions: str) -> list[Device]:
    """A node, or all nodes of a folder such as /dev/snd, each under the same name below the target."""
    found: list[Device] = []
    if not os.path.isdir(source):
        found.append(device(source, target))
    for parent, _, names in os.walk(source):
        for path in sorted(os.path.join(parent, name) for name in names):
            if _is_node(path):
                place = os.path.join(target, os.path.relpath(path, source))
                found.append(device(path, place))
    for node in found:
        node["permissions"] = permissions
    return found


def host_devices(folder: str = "/dev") -> tuple[Device, ...]:
    """Every node of the host's, for privileged containers; terminals and shared memory stay the container's own."""
    found = {item["target"]: item for item in default_devices()}
    for parent, folders, names in os.walk(folder):
        if parent == folder:
            folders[:] = sorted(name for name in folders if name not in _OURS)
        for name in sorted(names):
            path = os.path.join(parent, name)
            if (parent != folder or name not in _OURS) and not os.path.islink(path) and _is_node(path):
                target = os.path.join("/dev", os.path.relpath(path, folder))
                found.setdefault(target, device(path, target))
    return tuple(found.values())


def _is_node(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False  # gone meanwhile
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def rules(devices: Iterable[Device], *, privileged: bool = False) -> list[str]:
    """What the container may open; making nodes is allowed, since none works outside /dev (every mount is nodev)."""
    if privileged:
        return ["a *:* rwm"]
    nodes = (f"{item['kind']} {item['major']}:{item['minor']} {item.get('permissions', 'rwm')}" for item in devices)
    return [*_COMMON_RULES, *nodes]
