"""The root file system is made here, one operation at a time, in the container's child and nowhere else.

Law: every path of the host's is opened before the image is mounted; afterwards every path is resolved by descriptor
beneath the root with openat2(2), and mounts are attached to descriptors with move_mount(2). What the system needs
(/proc, /sys, /dev) follows no link of the image's. Writes to procfs go through our own detached mount of it.

Device nodes, secrets and masks live on a tmpfs of their own (the *store*), which the image's overlay covers before
anything of the container's runs; they are bound one by one, so that every other mount can be `nodev`. Hot: imports
nothing dear, and everything before pivot_root(2).
"""

from __future__ import annotations

import errno
import os

from stackup.errors import HostError, KernelError
from stackup.kernel import calls, userns
from stackup.kernel.abi import (
    AT_EMPTY_PATH,
    AT_RECURSIVE,
    MNT_DETACH,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
    MOVE_MOUNT_F_EMPTY_PATH,
    MS_PRIVATE,
    MS_REC,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
    OPEN_TREE_CLOEXEC,
    OPEN_TREE_CLONE,
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)
from stackup.runtime import consoles, copyup, idmaps
from stackup.runtime.places import NO_LINKS, make_beneath, make_owned, system_place
from stackup.runtime.trees import attach, foreign_tree, layers_tree, new_mount, new_overlay, overlay_at, restrict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.runtime.description import Operation

_LONGEST_NAME = 64
"""uname(2): what is longer would be cut in silence."""
_FORMAT, _DIR, _LINK = 0o170000, 0o040000, 0o120000
_PROPAGATION = {
    "private": MS_PRIVATE, "slave": MS_SLAVE, "shared": MS_SHARED, "unbindable": MS_UNBINDABLE,
}  # fmt: skip


class State:
    """What the operations so far have opened; `tty_fd` becomes the container's terminal, `master_fd` its other end."""

    __slots__ = (
        "dev_fd", "master_fd", "proc_fd", "root_fd", "store_fd", "store_names", "sys_fd", "trees", "tty_fd", "users",
    )  # fmt: skip

    def __init__(self) -> None:
        self.root_fd = self.store_fd = self.proc_fd = self.sys_fd = self.dev_fd = -1
        self.tty_fd = self.master_fd = -1
        self.store_names = 0
        self.trees: dict[str, int] = {}
        self.users = idmaps.Users()


def perform(operation: Operation, state: State) -> None:
    _PERFORM[operation["op"]](operation, state)


def describe(operation: Operation) -> str:
    """The operation in words, for the line of an error message."""
    words = _WORDS[operation["op"]]
    return words.format_map({key: operation.get(key, "") for key in ("target", "fstype", "source")})


def _source(operation: Operation, state: State) -> None:
    path = operation["source"]
    if operation.get("create") and not os.path.lexists(path):
        make_owned(path)
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (AT_RECURSIVE if operation.get("recursive") else 0)
    if operation.get("mntns"):
        state.trees[operation["target"]] = foreign_tree(operation["mntns"], path, flags)
    elif operation.get("subpath"):
        top = os.open(path, os.O_PATH | os.O_DIRECTORY)
        inner = _inside(top, operation["subpath"])
        state.trees[operation["target"]] = calls.open_tree(inner, "", flags | AT_EMPTY_PATH)
    else:
        state.trees[operation["target"]] = calls.open_tree(-100, path, flags)
    if operation.get("owned"):
        tree, owners = state.trees[operation["target"]], operation.get("owners", "")
        idmaps.apply(tree, owners, state.users, recursive=bool(operation["recursive"]))


def _inside(top: int, subpath: str) -> int:
    """Resolved as if `top` were the root: whoever else writes there cannot lead it out."""
    try:
        return calls.openat2(top, subpath, os.O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    except KernelError as problem:
        if problem.errno in (errno.ENOENT, errno.ENOTDIR):
            raise HostError(f'there is no "{subpath}" in it', subject=subpath, hint="make it first") from problem
        raise


def _users(operation: Operation, state: State) -> None:
    state.users = idmaps.Users(os.open(operation["source"], os.O_RDONLY | os.O_CLOEXEC), operation["uid"])


def _layer(operation: Operation, state: State) -> None:
    """A folder of the host's in the store, as the container's ids have it: overlayfs finds its layers by path."""
    name = os.path.basename(operation["target"])
    tree = calls.open_tree(-100, operation["source"], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    idmaps.apply(tree, "", state.users, recursive=False)
    os.mkdir(name, 0o755, dir_fd=state.store_fd)
    attach(tree, calls.openat2(state.store_fd, name, os.O_PATH | os.O_DIRECTORY, NO_LINKS))


def _own(operation: Operation, state: State) -> None:
    """What is made from here on is made as the container's root; its layers take nobody else's files. setfsuid(2) takes
    away powers over files, which we still need.
    """
    calls.setfsuid(operation["uid"], operation["gid"])
    _, permitted, inheritable = calls.capget()
    calls.capset(permitted, permitted, inheritable)


def _private(operation: Operation, state: State) -> None:
    calls.mount("", "/", "", MS_REC | MS_PRIVATE)


STORE_SIZE = "1g"
"""Only what is written counts, and that is secrets and configs, each of a bounded size."""


def _store(operation: Operation, state: State) -> None:
    target = operation["target"]
    mount = new_mount("tmpfs", {"mode": "0700", "size": STORE_SIZE}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
    calls.move_mount(mount, "", -100, target, MOVE_MOUNT_F_EMPTY_PATH)
    state.store_fd = mount
    os.mkdir("empty", 0o755, dir_fd=mount)


def _stored(state: State) -> str:
    state.store_names += 1
    return str(state.store_names)


def _node(operation: Operation, state: State) -> None:
    """A device in the store, kept as a tree of its own until /dev exists."""
    name, kind = _stored(state), 0o020000 if operation["kind"] == "c" else 0o060000
    mode = operation["mode"]
    os.mknod(name, kind | mode, os.makedev(operation["major"], operation["minor"]), dir_fd=state.store_fd)
    os.chmod(name, mode, dir_fd=state.store_fd)
    os.chown(name, operation.get("uid", 0), operation.get("gid", 0), dir_fd=state.store_fd)
    state.trees[operation["target"]] = _clone_stored(state, name)


def _clone_stored(state: State, name: str) -> int:
    return calls.open_tree(state.store_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)


def _content(operation: Operation, state: State) -> None:
    """A secret or config: its bytes on the private tmpfs, with the owner and mode that the file asks for."""
    name = _stored(state)
    with open(operation["source"], "rb", buffering=0) as source:
        data = source.readall()
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=state.store_fd)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fchown(fd, operation["uid"], operation["gid"])
        os.fchmod(fd, operation["mode"])
    finally:
        os.close(fd)
    tree = _clone_stored(state, name)
    restrict(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV)
    state.trees[operation["target"]] = tree


def _overlay(operation: Operation, state: State) -> None:
    lowers, upper, work, target = operation["lowers"], operation["upper"], operation["work"], operation["target"]
    if operation.get("text") == "inside":
        tree = new_overlay(lowers, upper, work) if upper else layers_tree(lowers)
        if operation.get("owned"):
            idmaps.apply(tree, "", state.users, recursive=False)
        attach(tree, _directory(state, target))
        return
    try:
        overlay_at(target, lowers, upper, work)
    except KernelError as problem:
        if problem.errno == errno.EINVAL and state.users.fd >= 0:
            problem.hint = "with `userns_mode` it takes Linux 5.19, whose overlays have idmapped layers"
        raise
    state.root_fd = os.open(target, os.O_PATH | os.O_DIRECTORY)


def _image_tree(operation: Operation, state: State) -> None:
    tree = layers_tree(operation["lowers"])
    if operation.get("subpath"):
        inner = _inside(tree, operation["subpath"])
        tree = calls.open_tree(inner, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
    state.trees[operation["target"]] = tree


def _filesystem(operation: Operation, state: State) -> None:
    """One of the system's own mounts; its place follows no link of the image's."""
    target, fstype = operation["target"], operation["fstype"]
    place = system_place(state.root_fd, target)
    mount = new_mount(fstype, operation.get("options", {}), operation["attributes"])
    attach(os.dup(mount), place)
    if target == "/proc":
        state.proc_fd = mount
    elif target == "/sys":
        state.sys_fd = mount
    elif target == "/dev":
        state.dev_fd = mount
    else:
        os.close(mount)


def _device(operation: Operation, state: State) -> None:
    """Bind a node of the store onto an empty file of the fresh /dev."""
    target = operation["target"]
    folder = state.dev_fd
    *folders, name = target.removeprefix("/dev/").split("/")
    for part in folders:
        try:
            os.mkdir(part, 0o755, dir_fd=folder)
        except FileExistsError:
            pass
        folder = calls.openat2(folder, part, os.O_PATH | os.O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder))
    place = calls.openat2(folder, name, os.O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    attach(state.trees.pop(target), place)


def _link(operation: Operation, state: State) -> None:
    os.symlink(operation["text"], operation["target"].removeprefix("/dev/"), dir_fd=state.dev_fd)


def _console(operation: Operation, state: State) -> None:
    """A pty of the container's own devpts, its inner end bound on /dev/console: both by descriptor only."""
    state.master_fd = calls.openat2(state.dev_fd, "pts/ptmx", os.O_RDWR | os.O_NOCTTY, NO_LINKS)
    state.tty_fd = consoles.inner_end(state.master_fd)
    os.close(os.open("console", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=state.dev_fd))
    place = calls.openat2(state.dev_fd, "console", os.O_PATH, NO_LINKS)
    attach(calls.open_tree(state.tty_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH), place)


def _sysctl(operation: Operation, state: State) -> None:
    """Inside its user namespace, since some are ranges of groups: ping_group_range of icmp(7). Those of ipc belong to
    its root since Linux 6.9, to the host's before.
    """
    if state.users.fd >= 0:
        try:
            userns.perform(state.users.fd, lambda: _write_sysctl(operation, state))
            return
        except KernelError as problem:
            if problem.errno != errno.EACCES:
                raise
    _write_sysctl(operation, state)


def _write_sysctl(operation: Operation, state: State) -> None:
    fd = _open_proc(state, "sys/" + operation["target"], os.O_WRONLY)
    try:
        os.write(fd, operation["text"].encode())
    finally:
        os.close(fd)


def _open_proc(state: State, path: str, flags: int) -> int:
    return calls.openat2(state.proc_fd, path, flags, NO_LINKS | RESOLVE_NO_XDEV)


def _system_file(state: State, target: str) -> int | None:
    """A descriptor of something in our own proc or sysfs, which no mount of the user's can cover; None when absent."""
    top = state.proc_fd if target.startswith("/proc/") else state.sys_fd
    try:
        return calls.openat2(top, target.split("/", 2)[2], os.O_PATH, NO_LINKS | RESOLVE_NO_XDEV)
    except KernelError as problem:
        if problem.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def _mask(operation: Operation, state: State) -> None:
    place = _system_file(state, operation["target"])
    if place is None:
        return
    folder = os.fstat(place).st_mode & _FORMAT == _DIR
    cover = _clone_stored(state, "empty" if folder else "null")
    restrict(cover, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
    attach(cover, place)


def _null(operation: Operation, state: State) -> None:
    os.mknod("null", 0o020666, os.makedev(1, 3), dir_fd=state.store_fd)


def _readonly(operation: Operation, state: State) -> None:
    place = _system_file(state, operation["target"])
    if place is not None:
        tree = calls.open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE)
        attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
        restrict(tree, attributes, recursive=True)
        attach(tree, place)


def _mount(operation: Operation, state: State) -> None:
    """Attach an opened source. Its place is resolved and made beneath the root, whatever links the image has there."""
    target = operation["target"]
    tree = state.trees.pop(target)
    folder = os.fstat(tree).st_mode & _FORMAT == _DIR
    place = _directory(state, target) if folder else _file(state, target)
    if operation.get("copy_up") and folder:
        copyup.fill(tree, place)
    wish = operation.get("propagation", "")
    shared, deep = _PROPAGATION[wish.removeprefix("r") or "private"], not wish or wish.startswith("r")
    attributes = operation.get("attributes", 0) | (MOUNT_ATTR_RDONLY if operation.get("read_only") else 0)
    if deep == (not operation.get("shallow")):
        restrict(tree, attributes, recursive=deep, propagation=shared)
    else:
        restrict(tree, 0, recursive=deep, propagation=shared)
        restrict(tree, attributes, recursive=not deep)
    attach(tree, place)


def _tmpfs(operation: Operation, state: State) -> None:
    attach(new_mount("tmpfs", operation["options"], operation["attributes"]), _directory(state, operation["target"]))


def _directory(state: State, target: str) -> int:
    return _outside_proc(state, target, make_beneath(state.root_fd, target, os.O_DIRECTORY))


def _file(state: State, target: str) -> int:
    return _outside_proc(state, target, make_beneath(state.root_fd, target, 0))


def _outside_proc(state: State, target: str, place: int) -> int:
    """A mount that a link of the image's (or the user) leads into procfs would hide what later steps rely on."""
    if state.proc_fd >= 0 and os.fstat(place).st_dev == os.fstat(state.proc_fd).st_dev:
        raise HostError(f'"{target}" lies inside /proc', subject=target, hint="mount it somewhere else")
    return place


def _hostname(operation: Operation, state: State) -> None:
    for name, text in (("hostname", operation["target"]), ("domainname", operation["text"])):
        if len(os.fsencode(text)) > _LONGEST_NAME:
            hint = f"the kernel takes {_LONGEST_NAME} bytes"
            raise HostError(f"the {name} has {len(os.fsencode(text))} bytes", subject=name, hint=hint)
        if text:
            _write_sysctl({"target": f"kernel/{name}", "text": text}, state)


def _protect(operation: Operation, state: State) -> None:
    restrict(state.root_fd, MOUNT_ATTR_RDONLY)


def _pivot(operation: Operation, state: State) -> None:
    """pivot_root(2), NOTES: with both at "." the old root lies on top of the new one, and is detached from there."""
    os.fchdir(state.root_fd)
    calls.pivot_root(".", ".")
    calls.umount2(".", MNT_DETACH)
    os.chdir("/")


_PERFORM: dict[str, Callable[[Operation, State], None]] = {
    "source": _source, "private": _private, "store": _store, "node": _node, "null": _null, "content": _content,
    "overlay": _overlay, "image": _image_tree, "filesystem": _filesystem, "device": _device, "link": _link,
    "console": _console, "sysctl": _sysctl, "mask": _mask, "readonly": _readonly, "mount": _mount,
    "tmpfs": _tmpfs, "hostname": _hostname, "protect": _protect, "pivot": _pivot, "users": _users, "layer": _layer,
    "own": _own,
}  # fmt: skip
_WORDS = {
    "source": 'open the source of "{target}"', "private": "make the mounts private",
    "store": "make the store of devices and secrets", "node": 'make the device "{target}"',
    "null": "make the mask", "content": 'write the file "{target}"', "overlay": 'mount the image at "{target}"',
    "image": 'open the image for "{target}"', "filesystem": 'mount {fstype} at "{target}"',
    "device": 'place the device "{target}"', "link": 'link "{target}"', "console": "open the terminal",
    "sysctl": 'set the kernel parameter "{target}"', "mask": 'mask "{target}"',
    "readonly": 'make "{target}" read-only', "mount": 'mount "{target}"', "tmpfs": 'mount tmpfs at "{target}"',
    "hostname": 'set the host name "{target}"', "protect": "make the root read-only",
    "pivot": "enter the root", "users": "open the user namespace", "layer": 'open the layer "{source}"',
    "own": "take the container's user for files",
}  # fmt: skip
