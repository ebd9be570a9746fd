"""The driver `local`: a plain folder, or with `driver_opts` whatever mount(8) can mount, behind the volume's name.

A mounted volume is unmounted when it is removed, and what lies behind it is left alone: a bound folder's files are
their owner's, and an NFS export is its server's.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Mapping

from stackup.errors import HostError, KernelError
from stackup.kernel import calls, files, mounts
from stackup.kernel.abi import (
    AT_EMPTY_PATH,
    AT_RECURSIVE,
    MOUNT_ATTR__ATIME,
    MOVE_MOUNT_F_EMPTY_PATH,
    OPEN_TREE_CLOEXEC,
    OPEN_TREE_CLONE,
    MountAttr,
)
from stackup.runtime.trees import new_mount
from stackup.runtime.volumes import options
from stackup.runtime.volumes.driver import Volume


class Local:
    """Implements VolumeDriver."""

    def check(self, said: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        return options.check(said)

    def provide(self, volume: Volume) -> str:
        files.make_dir(volume.folder, 0o755)
        if volume.options and not mounts.is_mount(volume.folder):
            _mount(volume)
        return volume.folder

    def provides(self, volume: Volume) -> bool:
        return mounts.is_mount(volume.folder) if volume.options else os.path.isdir(volume.folder)

    def remove(self, volume: Volume) -> None:
        """A folder that only looks like ours, since something is mounted on it, must never be emptied."""
        mounts.detach(volume.folder)


def _mount(volume: Volume) -> None:
    wish = options.read(volume.options)
    try:
        if wish.fstype:
            named = _with_address(wish) if wish.fstype.startswith("nfs") else wish.options
            tree = new_mount(wish.fstype, named, wish.attributes, source=wish.device)
        else:
            tree = _bound(wish)
        try:
            calls.move_mount(tree, "", -100, volume.folder, MOVE_MOUNT_F_EMPTY_PATH)
        finally:
            os.close(tree)
    except KernelError as problem:
        raise _explained(problem, volume.name, wish) from problem


def _bound(wish: options.Wish) -> int:
    flags = AT_RECURSIVE if wish.recursive else 0
    if not os.path.isdir(wish.device):
        raise KernelError(errno.ENOTDIR if os.path.lexists(wish.device) else errno.ENOENT, "open_tree", wish.device)
    tree = calls.open_tree(-100, wish.device, flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    if wish.attributes:
        times = MOUNT_ATTR__ATIME if wish.attributes & MOUNT_ATTR__ATIME else 0
        calls.mount_setattr(tree, "", AT_EMPTY_PATH | flags, MountAttr(attr_set=wish.attributes, attr_clr=times))
    return tree


def _with_address(wish: options.Wish) -> dict[str, str]:
    """The kernel knows no names: mount.nfs looks the server up before it calls, and so must we."""
    name = wish.options.get("addr") or wish.device.rpartition(":/")[0].strip("[]")
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as problem:
        hint = "correct `device` or `addr`, or look whether names are resolved on this machine"
        text = f'the server "{name}" is not known: {problem.strerror or problem}'
        raise HostError(text, subject=name, hint=hint) from problem
    return {**wish.options, "addr": str(found[0][4][0])}


def _explained(problem: KernelError, name: str, wish: options.Wish) -> HostError:
    if problem.errno == errno.ENODEV and wish.fstype:
        text, hint = f'this kernel has no file system "{wish.fstype}"', f"try: modprobe {wish.fstype}"
    elif problem.errno in (errno.ENOENT, errno.ENOTDIR) and not wish.fstype:
        what = "does not exist" if problem.errno == errno.ENOENT else "is not a folder"
        text, hint = f'its device "{wish.device}" {what}', "make the folder, or correct `device`"
    else:
        text, hint = problem.message, problem.hint or "see its `driver_opts`"
    return HostError(f'volume "{name}" cannot be mounted: {text}', subject=name, hint=hint)
