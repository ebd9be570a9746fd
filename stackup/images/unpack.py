"""A tar stream becomes a layer directory, by descriptor, and nothing outside that directory is ever touched.

Parents are resolved by the kernel confined to the layer's root, the last component is created (O_EXCL) and never
followed or opened. Whiteouts become overlayfs's own marks, applied at the end since they mean the layers below,
whatever their place in the archive. What cannot be kept (a device without the right to make it) is listed in `skipped`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from stackup.errors import HostError, KernelError, StackupError
from stackup.images.refusal import ArchiveRefused, disk_error, printable
from stackup.images.tar import Entry, Limits, Tape, TarReader
from stackup.kernel.resolve import open_confined

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_AUFS = ".wh..wh."
_DIR_FLAGS = os.O_RDONLY | os.O_DIRECTORY
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_DIRS = 64
_SKIPPED_MAX = 100
_REFUSED_BY_TREE = {
    errno.EXDEV: "leads out of the layer",
    errno.ELOOP: "goes through too many links",
    errno.ENOTDIR: "lies below something that is not a directory",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.EINVAL: "has a name that this file system cannot hold",
    errno.EILSEQ: "has a name that this file system cannot hold",
    errno.EEXIST: "lies below a link to nothing",
    errno.EMLINK: "has too many links",
}
_T = TypeVar("_T")
_Data: TypeAlias = Callable[[], Iterator[memoryview]]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a layer holds: entries, bytes of its files, whether it hides all layers below, what was left out and why.

    `replaced`: a later entry took the place of an earlier one, so the tree does not hold all that was in the archive.
    """

    entries: int
    size: int
    opaque_root: bool
    skipped: tuple[str, ...]
    replaced: bool = False


def unpack(
    chunks: Iterable[bytes], root_fd: int, *, limits: Limits, privileged: bool, tape: Tape | None = None
) -> Unpacked:
    """Writes the archive's tree into the empty directory `root_fd`. Raises ArchiveRefused and HostError."""
    writer = LayerWriter(root_fd, privileged=privileged)
    reader = TarReader(iter(chunks), limits, tape)
    try:
        for entry in reader:
            writer.add(entry, reader.data)
        writer.finish()
    finally:
        writer.close()
    return Unpacked(reader.entries, writer.size, writer.opaque_root, tuple(writer.skipped), writer.replaced)


class LayerWriter:
    """Entries in, a tree out. Privileged: owners, devices and trusted marks as archived; else those of the user.

    `onto`: the tree is not a new layer's but somebody's. There are no whiteouts, its mounts are entered, and what is
    there is not turned from a directory into something else or back.
    """

    def __init__(self, root_fd: int, *, privileged: bool, onto: bool = False) -> None:
        self._root_fd = root_fd
        self._privileged = privileged
        self._onto = onto
        self._space = "trusted.overlay." if privileged else "user.overlay."
        self._open: dict[str, int] = {}
        self._directories: dict[str, Entry] = {}
        self._whiteouts: list[str] = []
        self._opaques: set[str] = set()
        self._stale = False
        self.replaced = False
        self.size = 0
        self.opaque_root = False
        self.skipped: list[str] = []

    def add(self, entry: Entry, data: _Data) -> None:
        """Creates one entry; `data()` yields the content of a file."""
        try:
            self._add(entry, data)
        except (OSError, KernelError) as error:
            raise _translated(error, entry.path) from error

    def finish(self) -> None:
        """Whiteouts, then owners, modes and times of the directories, the deepest first."""
        path = ""
        try:
            if not self._onto:
                self._directories.setdefault("", Entry("", "directory", 0o755))
            for path in sorted(self._whiteouts):
                self._write_whiteout(path)
            for path in sorted(self._opaques):
                self._mark_opaque(path)
            self.close()
            for path in sorted(self._directories, key=lambda path: path.count("/") if path else -1, reverse=True):
                self._finish_directory(path, self._directories[path])
        except (OSError, KernelError) as error:
            raise _translated(error, path) from error

    def close(self) -> None:
        """Closes the directories held open."""
        self._stale = False
        while self._open:
            os.close(self._open.popitem()[1])

    def _add(self, entry: Entry, data: _Data) -> None:
        if not entry.path:
            if entry.kind != "directory":
                raise ArchiveRefused(f"the root of the archive is a {entry.kind}")
            self._directories[""] = entry
            return
        parent, _, name = entry.path.rpartition("/")
        if name.startswith(WHITEOUT) and not self._onto:
            self._note_whiteout(parent, name, entry.path)
            return
        parent_fd = self._directory(parent)
        match entry.kind:
            case "file":
                self._write_file(parent_fd, name, entry, data)
            case "directory":
                self._make_directory(parent_fd, name)
                self._directories[entry.path] = entry
            case "symlink":
                self._create(parent_fd, name, lambda: os.symlink(entry.link, name, dir_fd=parent_fd))
                self._own_unopened(parent_fd, name, entry)
            case "hardlink":
                self._link(parent_fd, name, entry)
            case _:
                self._make_node(parent_fd, name, entry)

    def _directory(self, path: str) -> int:
        """A descriptor of the directory, kept open for the next entries; missing parents are made."""
        if self._stale:
            self.close()
        known = self._open.get(path)
        if known is not None:
            return known
        if not self._onto and (path.startswith(WHITEOUT) or f"/{WHITEOUT}" in path):
            raise ArchiveRefused(f'"{path}" is a whiteout, and something lies below it', subject=path)
        try:
            fd = self._confined(path, _DIR_FLAGS)
        except KernelError as error:
            if error.errno != errno.ENOENT or not path:
                raise
            parent, _, name = path.rpartition("/")
            os.mkdir(name, 0o700, dir_fd=self._directory(parent))
            self._directories[path] = Entry(path, "directory", 0o755)
            fd = self._confined(path, _DIR_FLAGS)
        if len(self._open) >= _OPEN_DIRS:
            self.close()
        self._open[path] = fd
        return fd

    def _confined(self, path: str, flags: int) -> int:
        return open_confined(self._root_fd, path, flags, mounts=self._onto)

    def _write_file(self, parent_fd: int, name: str, entry: Entry, data: _Data) -> None:
        try:
            fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent_fd)
        except FileExistsError:
            self._displace(parent_fd, name)
            fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent_fd)
        try:
            for piece in data() if entry.size else ():
                written = os.write(fd, piece)
                while written < len(piece):
                    written += os.write(fd, piece[written:])
            self.size += entry.size
            self._own(fd, entry)
        finally:
            os.close(fd)

    def _own(self, fd: int, entry: Entry) -> None:
        """Owner before mode before attributes: chown(2) clears set-id bits and file capabilities."""
        if self._privileged:
            os.fchown(fd, entry.uid, entry.gid)
            os.fchmod(fd, entry.mode)
        else:
            os.fchmod(fd, entry.mode & 0o1777)  # a set-id bit for somebody else's id would be one for ours
        if entry.xattrs:
            for key, value in entry.xattrs.items():
                self._set_xattr(fd, entry.path, key, value)
        os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))

    def _own_unopened(self, parent_fd: int, name: str, entry: Entry) -> None:
        """The same for what must not be opened: links and nodes, addressed by name in a directory that we hold."""
        if self._privileged:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent_fd, follow_symlinks=False)
        if entry.kind != "symlink":  # made by us just now, so there is no link that chmod could follow
            os.chmod(name, entry.mode if self._privileged else entry.mode & 0o1777, dir_fd=parent_fd)
        for key, value in entry.xattrs.items():
            self._set_xattr(f"/proc/self/fd/{parent_fd}/{name}", entry.path, key, value)
        os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent_fd, follow_symlinks=False)

    def _set_xattr(self, target: int | str, path: str, key: str, value: bytes) -> None:
        if key.startswith(("trusted.overlay.", "user.overlay.")):
            self._skip(f'{path}: attribute "{key}" belongs to overlayfs')
            return
        try:
            os.setxattr(target, key, value, follow_symlinks=isinstance(target, int))
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL}:
                raise
            self._skip(f'{path}: attribute "{key}" cannot be set here')

    def _create(self, parent_fd: int, name: str, make: Callable[[], _T]) -> _T:
        try:
            return make()
        except FileExistsError:
            self._displace(parent_fd, name)
            return make()

    def _displace(self, parent_fd: int, name: str) -> None:
        """A later entry of one name replaces the earlier by a new inode: the old one may have other links."""
        if stat.S_ISDIR(os.lstat(name, dir_fd=parent_fd).st_mode):
            when = "is there as a directory" if self._onto else "is a directory and then something else"
            raise ArchiveRefused(f'"{name}" {when}', subject=name)
        if self._onto:
            _require_no_mount(parent_fd, name)
        os.unlink(name, dir_fd=parent_fd)
        self.replaced = True
        self._stale = True  # an open directory may have been reached through the link that is gone now

    def _make_directory(self, parent_fd: int, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent_fd)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=parent_fd).st_mode):
                if self._onto:
                    raise ArchiveRefused(f'"{name}" is there and is not a directory', subject=name) from None
                self._displace(parent_fd, name)
                os.mkdir(name, 0o700, dir_fd=parent_fd)

    def _link(self, parent_fd: int, name: str, entry: Entry) -> None:
        """To a file of this archive only; not to a symbolic link, which would mean another file in another place."""
        target_dir, _, target = entry.link.rpartition("/")
        try:
            target_fd = self._confined(target_dir, os.O_PATH | os.O_DIRECTORY)
        except KernelError as error:
            reason = _REFUSED_BY_TREE.get(error.errno, "is not in this archive")
            raise ArchiveRefused(
                f'"{entry.path}" links to "{entry.link}", which {reason}', subject=entry.path
            ) from error
        try:
            self._link_to(target_fd, target, parent_fd, name, entry)
        finally:
            os.close(target_fd)

    def _link_to(self, target_fd: int, target: str, parent_fd: int, name: str, entry: Entry) -> None:
        try:
            found = os.lstat(target or ".", dir_fd=target_fd)
        except FileNotFoundError:
            raise ArchiveRefused(
                f'"{entry.path}" links to "{entry.link}", which is not in this archive', subject=entry.path
            ) from None
        if stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode):
            what = "a directory" if stat.S_ISDIR(found.st_mode) else "a symbolic link"
            raise ArchiveRefused(f'"{entry.path}" is a hard link to {what}, "{entry.link}"', subject=entry.path)
        try:
            os.link(target, name, src_dir_fd=target_fd, dst_dir_fd=parent_fd, follow_symlinks=False)
        except FileExistsError:
            there = os.lstat(name, dir_fd=parent_fd)
            if (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino):
                return
            self._displace(parent_fd, name)
            os.link(target, name, src_dir_fd=target_fd, dst_dir_fd=parent_fd, follow_symlinks=False)

    def _make_node(self, parent_fd: int, name: str, entry: Entry) -> None:
        if entry.kind == "fifo":
            self._create(parent_fd, name, lambda: os.mkfifo(name, 0o600, dir_fd=parent_fd))
            self._own_unopened(parent_fd, name, entry)
            return
        major, minor = entry.device
        if major > 0xFFF or minor > 0xFFFFF or (major, minor) == (0, 0):
            # A character device 0:0 is overlayfs's whiteout: it would hide a file without the archive saying so.
            raise ArchiveRefused(f'"{entry.path}" is device {major}:{minor}, which cannot be', subject=entry.path)
        if not self._privileged:
            self._skip(f"{entry.path}: a device, which needs root")
            return
        kind = stat.S_IFCHR if entry.kind == "char" else stat.S_IFBLK
        number = os.makedev(major, minor)
        try:
            self._create(parent_fd, name, lambda: os.mknod(name, kind | 0o600, number, dir_fd=parent_fd))
        except PermissionError:
            self._skip(f"{entry.path}: a device, which may not be made here")
            return
        self._own_unopened(parent_fd, name, entry)

    def _note_whiteout(self, parent: str, name: str, path: str) -> None:
        hidden = name.removeprefix(WHITEOUT)
        if name == OPAQUE:
            self._opaques.add(parent)
        elif name.startswith(_AUFS):
            self._skip(f"{path}: a note of aufs to itself")
        elif hidden in {"", ".", ".."}:
            raise ArchiveRefused(f'"{path}" hides nothing that has a name', subject=path)
        else:
            self._whiteouts.append(f"{parent}/{hidden}" if parent else hidden)

    def _write_whiteout(self, path: str) -> None:
        """A character device 0:0, allowed to everybody since Linux 5.8; what this layer has itself stays."""
        parent, _, name = path.rpartition("/")
        if parent in self._opaques:
            return
        parent_fd = self._directory(parent)
        try:
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=parent_fd)
        except FileExistsError:
            if stat.S_ISDIR(os.lstat(name, dir_fd=parent_fd).st_mode):
                self._opaques.add(path)
        except PermissionError:
            self._write_nested_whiteout(parent_fd, name)

    def _write_nested_whiteout(self, parent_fd: int, name: str) -> None:
        """What a store that lies on an overlay can hold (a job in a container): Linux 6.7, overlayfs.rst, "Nesting"."""
        try:
            fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent_fd)
        except FileExistsError:
            return
        try:
            os.setxattr(fd, f"{self._space}whiteout", b"y")
        finally:
            os.close(fd)
        os.setxattr(parent_fd, f"{self._space}opaque", b"x")

    def _mark_opaque(self, path: str) -> None:
        os.setxattr(self._directory(path), f"{self._space}opaque", b"y")
        self.opaque_root = self.opaque_root or not path

    def _finish_directory(self, path: str, entry: Entry) -> None:
        fd = self._confined(path, _DIR_FLAGS)
        try:
            self._own(fd, entry)
        finally:
            os.close(fd)

    def _skip(self, note: str) -> None:
        if len(self.skipped) < _SKIPPED_MAX:
            self.skipped.append(printable(note))


def _require_no_mount(parent_fd: int, name: str) -> None:
    """Unlinking what is mounted on in another mount namespace would take the mount away there (Linux 3.18)."""
    try:
        os.close(open_confined(parent_fd, name, os.O_PATH | os.O_NOFOLLOW))
    except KernelError as error:
        if error.errno != errno.EXDEV:
            raise
        raise ArchiveRefused(
            f'"{name}" is a mount and cannot be replaced', subject=name, hint="write into it from inside: stackup exec"
        ) from error


def _translated(error: OSError | KernelError, path: str) -> StackupError:
    """The tree's own fault is the archive's; everything else is the disk's."""
    number = error.errno or 0
    if number in _REFUSED_BY_TREE:
        return ArchiveRefused(f'entry "{path}" {_REFUSED_BY_TREE[number]}', subject=path)
    if isinstance(error, OSError):
        return disk_error(error, path)
    return HostError(printable(error.message), subject=printable(path), hint=error.hint)
