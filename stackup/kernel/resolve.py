"""Path resolution that cannot leave a root: every path that an image, a container or a stack file controls comes here.

The kernel resolves (openat2(2), Linux 5.6), we never join strings and hope. Two rules: *in root* reads `..` and
absolute links as the container would see them; *confined* refuses whatever leads out. All results are descriptors that
the caller owns. Hot: imports `os` and the call wrappers only, since the launcher uses it.
"""

from __future__ import annotations

import errno
import os
import stat

from stackup.errors import KernelError
from stackup.kernel import calls
from stackup.kernel.abi import RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV

_IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
_CONFINED = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV
_BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ATTEMPTS = 64
"""openat2 says EAGAIN when something was renamed on the machine while it walked a `..`; trying again is its advice."""
_LINKS = 40
"""How many symbolic links the kernel itself follows in one path (path_resolution(7))."""


def open_beneath(root_fd: int, path: str, flags: int, mode: int = 0) -> int:
    """Opens `path` as a process whose root is `root_fd` would; links and `..` stay inside."""
    return _openat2(root_fd, path or ".", flags, mode, _IN_ROOT)


def open_confined(root_fd: int, path: str, flags: int, mode: int = 0, *, mounts: bool = False) -> int:
    """Opens `path` below `root_fd`; an absolute path, a link that leads out and, unless `mounts`, another mount are
    errors (EXDEV).
    """
    return _openat2(root_fd, path or ".", flags, mode, _BENEATH if mounts else _CONFINED)


def _openat2(root_fd: int, path: str, flags: int, mode: int, resolve: int) -> int:
    if "\0" in path:
        raise KernelError(errno.EINVAL, "openat2", path.replace("\0", "\\0"))
    for _ in range(_ATTEMPTS):
        try:
            return calls.openat2(root_fd, path, flags, resolve, mode)
        except KernelError as error:
            if error.errno != errno.EAGAIN:
                raise
    raise KernelError(errno.EAGAIN, "openat2", path, hint="something keeps renaming directories in this tree")


def make_dirs(root_fd: int, path: str, mode: int = 0o755) -> int:
    """The directory at `path`, made with its missing parents; a dangling link is followed inside the root."""
    return _make_dirs(root_fd, path, mode, _LINKS)


def make_file(root_fd: int, path: str, mode: int = 0o644) -> int:
    """An O_PATH descriptor of what is at `path`, made as an empty file, with its parents, if nothing is."""
    return _make_file(root_fd, path, mode, _LINKS)


def mount_target(root_fd: int, path: str, *, directory: bool) -> int:
    """An O_PATH descriptor to mount on; made if missing, refused if it is of the other sort (mount(2) would too)."""
    if directory:
        return make_dirs(root_fd, path)
    target_fd = make_file(root_fd, path)
    if stat.S_ISDIR(os.fstat(target_fd).st_mode):
        os.close(target_fd)
        raise KernelError(errno.EISDIR, "mount", path)
    return target_fd


def _make_dirs(root_fd: int, path: str, mode: int, links: int) -> int:
    try:
        return open_beneath(root_fd, path, os.O_PATH | os.O_DIRECTORY)
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise
    parent, name = _split(path, links)
    parent_fd = _make_dirs(root_fd, parent, mode, links - 1)
    try:
        if name == "..":
            return open_beneath(root_fd, path, os.O_PATH | os.O_DIRECTORY)
        return _make_dir(parent_fd, name, mode)
    except FileExistsError:
        onward = _beyond(parent_fd, parent, name)
    except OSError as error:
        raise KernelError(error.errno or 0, "mkdirat", path) from error
    finally:
        os.close(parent_fd)
    return _make_dirs(root_fd, onward, mode, links - 1)


def _make_dir(parent_fd: int, name: str, mode: int) -> int:
    os.mkdir(name, mode, dir_fd=parent_fd)
    made_fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent_fd)
    os.fchmod(made_fd, mode)  # mkdir obeyed the caller's umask
    return made_fd


def _make_file(root_fd: int, path: str, mode: int, links: int) -> int:
    try:
        return open_beneath(root_fd, path, os.O_PATH)
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise
    parent, name = _split(path, links)
    if name == "..":
        raise KernelError(errno.EISDIR, "openat2", path)
    parent_fd = make_dirs(root_fd, parent)
    try:
        made_fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode,
                          dir_fd=parent_fd)  # fmt: skip
        os.fchmod(made_fd, mode)
        os.close(made_fd)
        return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent_fd)
    except FileExistsError:
        onward = _beyond(parent_fd, parent, name)
    except OSError as error:
        raise KernelError(error.errno or 0, "openat", path) from error
    finally:
        os.close(parent_fd)
    return _make_file(root_fd, onward, mode, links - 1)


def _split(path: str, links: int) -> tuple[str, str]:
    if links <= 0:
        raise KernelError(errno.ELOOP, "openat2", path)
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if not parts:
        raise KernelError(errno.ENOENT, "openat2", path)
    return "/".join(parts[:-1]), parts[-1]


def _beyond(parent_fd: int, parent: str, name: str) -> str:
    """Where to go on when `name` exists after all: to what a dangling link names, or to `name` after a lost race."""
    try:
        link = os.readlink(name, dir_fd=parent_fd)
    except OSError:
        return f"{parent}/{name}"
    return link if link.startswith("/") else f"{parent}/{link}"


def remove_tree(parent_fd: int, name: str) -> None:
    """Removes `name` and all below it, never following a link; what is already gone is fine."""
    try:
        os.unlink(name, dir_fd=parent_fd)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        pass  # unlink(2) of a directory is EISDIR on Linux, EPERM in POSIX
    try:
        tree_fd = _open_for_removal(parent_fd, name)
    except FileNotFoundError:
        return
    try:
        for child in os.listdir(tree_fd):
            remove_tree(tree_fd, child)
    finally:
        os.close(tree_fd)
    try:
        os.rmdir(name, dir_fd=parent_fd)
    except FileNotFoundError:
        return


def _open_for_removal(parent_fd: int, name: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    if os.geteuid() != 0:
        path_fd = os.open(name, _DIRECTORY, dir_fd=parent_fd)
        try:  # a user's own directory may forbid its owner; /proc reaches the inode that we hold, not a name
            os.chmod(f"/proc/self/fd/{path_fd}", 0o700)
        finally:
            os.close(path_fd)
    return os.open(name, flags, dir_fd=parent_fd)
