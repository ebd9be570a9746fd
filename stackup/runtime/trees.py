"""Mounts as detached trees: made or copied without a place, restricted, and attached to a descriptor. Hot.

Law: nothing here takes a path that an image or a container has a say in; a tree is attached to a place that `places`
has resolved.
"""

from __future__ import annotations

import _thread
import errno
import os

from stackup.errors import KernelError
from stackup.kernel import calls
from stackup.kernel.abi import (
    AT_EMPTY_PATH,
    AT_RECURSIVE,
    CLONE_NEWNS,
    FSCONFIG_CMD_CREATE,
    FSCONFIG_SET_FLAG,
    FSCONFIG_SET_STRING,
    FSMOUNT_CLOEXEC,
    FSOPEN_CLOEXEC,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_RDONLY,
    MOVE_MOUNT_F_EMPTY_PATH,
    MOVE_MOUNT_T_EMPTY_PATH,
    MS_NODEV,
    MS_PRIVATE,
    MS_REC,
    OPEN_TREE_CLOEXEC,
    OPEN_TREE_CLONE,
    MountAttr,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = 4096


def foreign_tree(mntns: str, path: str, flags: int) -> int:
    """A detached copy of another container's mount: a clone is only allowed from inside its mount namespace."""
    home, there = os.open("/proc/self/ns/mnt", os.O_RDONLY), os.open(mntns, os.O_RDONLY)
    top = os.open("/", os.O_PATH)
    try:
        calls.setns(there, CLONE_NEWNS)
        return calls.open_tree(-100, path, flags)
    finally:
        calls.setns(home, CLONE_NEWNS)
        os.fchdir(top)
        os.chroot(".")  # setns(2) lands on the namespace's own root, which need not be ours


def overlay_at(target: str, lowers: list[str], upper: str, work: str) -> None:
    """mount(2) takes 0.5 ms where fsopen(2) takes 1 ms, but its options must fit a page: choose by length."""
    options = f"lowerdir={':'.join(lowers)},upperdir={upper},workdir={work}"
    plain = not any(mark in path for path in (*lowers, upper, work) for mark in ',:\\"')
    if plain and len(os.fsencode(options)) < _PAGE:
        calls.mount("overlay", target, "overlay", MS_NODEV, options)
    else:
        calls.move_mount(new_overlay(lowers, upper, work), "", -100, target, MOVE_MOUNT_F_EMPTY_PATH)


def new_overlay(lowers: list[str], upper: str, work: str) -> int:
    """Which way the kernel knows is found by trying."""
    try:
        return _named_overlay(lowers, upper, work)
    except KernelError as problem:
        if problem.errno != errno.EINVAL:
            raise
        try:
            return _numbered_overlay(lowers, upper, work)
        except KernelError:
            raise problem from None


def _numbered_overlay(lowers: list[str], upper: str, work: str) -> int:
    """All options in one page, as mount(2) has it, on kernels before `lowerdir+`, such as Debian 12's own.

    Layers are named by descriptors, relative to /proc/self/fd: a thousand of them fit, whatever their paths are, and
    nothing needs escaping. The thread has a folder to stand in and a mount namespace of its own, and ends with both.
    """
    trees: list[int] = []
    failed: list[BaseException] = []

    def body() -> None:
        opened: list[int] = []
        try:
            calls.unshare(CLONE_NEWNS)
            calls.mount("none", "/", "", MS_REC | MS_PRIVATE)
            paths = [path for path in (*lowers, upper, work) if path]
            opened += [calls.openat2(-100, path, os.O_PATH | os.O_DIRECTORY, 0) for path in paths]
            os.chdir("/proc/self/fd")
            names = [str(fd) for fd in opened]
            options = f"lowerdir={':'.join(names[: len(lowers)])}"
            if upper:
                options += f",upperdir={names[-2]},workdir={names[-1]}"
            calls.mount("overlay", lowers[0], "overlay", MS_NODEV, options)
            trees.append(calls.open_tree(-100, lowers[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))
        except BaseException as problem:  # raised in the caller's thread
            failed.append(problem)
        finally:
            for fd in opened:
                os.close(fd)

    _in_a_thread(body)
    if failed:
        raise failed[0]
    return trees[0]


def _in_a_thread(body: Callable[[], None]) -> None:
    """Not `threading`, whose import a container's set-up would pay for; whoever waits holds no lock."""
    over = _thread.allocate_lock()
    over.acquire()

    def run() -> None:
        try:
            body()
        finally:
            over.release()

    _thread.start_new_thread(run, ())
    over.acquire()


def _named_overlay(lowers: list[str], upper: str, work: str) -> int:
    """`lowerdir+` names one layer at a time: 500 of them, and no character needs escaping."""
    fd = calls.fsopen("overlay", FSOPEN_CLOEXEC)
    try:
        for lower in lowers:
            calls.fsconfig(fd, FSCONFIG_SET_STRING, "lowerdir+", lower)
        if upper:
            calls.fsconfig(fd, FSCONFIG_SET_STRING, "upperdir", upper)
            calls.fsconfig(fd, FSCONFIG_SET_STRING, "workdir", work)
        calls.fsconfig(fd, FSCONFIG_CMD_CREATE, None, None)
        return calls.fsmount(fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV)
    finally:
        os.close(fd)


def layers_tree(lowers: list[str]) -> int:
    """Layers as one read-only tree; overlayfs wants two lowers where there is no upper."""
    if len(lowers) == 1:
        tree = calls.open_tree(-100, lowers[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    else:
        tree = new_overlay(lowers, "", "")
    restrict(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV)
    return tree


def new_mount(fstype: str, options: dict[str, str], attributes: int, *, source: str = "") -> int:
    """What the file system has to say about a refusal is the error's hint."""
    fd = calls.fsopen(fstype, FSOPEN_CLOEXEC)
    try:
        calls.fsconfig(fd, FSCONFIG_SET_STRING, "source", source or fstype)
        for key, value in options.items():
            if value:
                calls.fsconfig(fd, FSCONFIG_SET_STRING, key, value)
            else:
                calls.fsconfig(fd, FSCONFIG_SET_FLAG, key, None)
        calls.fsconfig(fd, FSCONFIG_CMD_CREATE, None, None)
        return calls.fsmount(fd, FSMOUNT_CLOEXEC, attributes)
    except KernelError as problem:
        if said := _said(fd):
            problem.hint = f"the kernel says: {said}"
        raise
    finally:
        os.close(fd)


def _said(fd: int) -> str:
    """fsopen(2): messages wait on the descriptor, one a read, each with its level before it: `e tmpfs: Bad value`."""
    found = []
    try:
        while line := os.read(fd, 4096):
            found.append(line.decode(errors="replace").strip()[2:])
    except OSError:
        pass  # ENODATA: that was all
    return "; ".join(found)


def attach(tree: int, place: int) -> None:
    """Both descriptors are spent: a container may have more mounts than its set-up may have open files."""
    calls.move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
    os.close(place)
    os.close(tree)


def restrict(tree: int, attributes: int, *, recursive: bool = False, propagation: int = 0) -> None:
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    calls.mount_setattr(tree, "", flags, MountAttr(attr_set=attributes, propagation=propagation))
