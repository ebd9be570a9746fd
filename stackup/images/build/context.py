"""The build context: a folder as a tree, without what .dockerignore leaves out, read beneath its root by descriptor.

Nothing follows a link: folders are entered and files opened by name in a folder that is held, and what is read again is
resolved beneath the root by the kernel. A file's digest is kept with its stat, so that a context that did not change
costs only stats; a file that changed a moment ago is not kept, since a clock's tick might hide the next change.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from stackup.errors import HostError, KernelError, UsageError
from stackup.images.build.ignore import BadPattern, Ignore, read_ignore
from stackup.images.build.tree import FILE, FOLDER, LINK, Entry, Tree
from stackup.kernel.files import host_error, read_json, write_json
from stackup.kernel.resolve import open_confined
from stackup.stamps import stamp

if TYPE_CHECKING:
    from stackup.stamps import Stamp

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEPTH = 256
_ENTRIES = 2_000_000
_IGNORE_SIZE = 1 << 20
FRESH_NS = 2_000_000_000
"""Two seconds are the coarsest tick of a file system's clock."""


class FileDigests:
    """Digests of files by their identity and stat. `path` is where they are kept between builds."""

    __slots__ = ("_found", "_known", "_now_ns", "computed")

    def __init__(self, known: dict[str, str] | None = None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._known = known or {}
        self._found: dict[str, str] = {}
        self._now_ns = now_ns
        self.computed = 0
        """How many files had to be read."""

    def of(self, file_fd: int) -> str:
        before = os.fstat(file_fd)
        key = _identity(before)
        kept = self._found.get(key) or self._known.get(key)
        if kept is None:
            self.computed += 1
            with os.fdopen(os.dup(file_fd), "rb") as file:
                kept = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file_fd)
            if _identity(after) != key or self._now_ns() - max(after.st_mtime_ns, after.st_ctime_ns) < FRESH_NS:
                return kept
        self._found[key] = kept
        return kept

    def kept(self, found: os.stat_result) -> str | None:
        """What is known without opening the file."""
        key = _identity(found)
        known = self._found.get(key) or self._known.get(key)
        if known is not None:
            self._found[key] = known
        return known

    def to_data(self) -> dict[str, str]:
        """What was asked for this time; the rest is forgotten."""
        return dict(self._found)


def load_digests(path: str) -> FileDigests:
    """An absent or damaged file is an empty one."""
    data = read_json(path)
    known = data.get("digests") if isinstance(data, dict) else None
    sound = isinstance(known, dict) and all(isinstance(value, str) for value in known.values())
    return FileDigests(dict(known) if sound and isinstance(known, dict) else {})


def save_digests(path: str, digests: FileDigests) -> None:
    write_json(path, {"digests": digests.to_data()}, durable=False)


def _identity(found: os.stat_result) -> str:
    """ctime as well: mtime can be set back by anybody."""
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


class Context:
    """A folder that is held open; `tree` is how it looked when it was read. To be closed."""

    __slots__ = ("_digests", "_rules", "_stats", "name", "root_fd", "skipped", "stamps", "tree")

    def __init__(
        self,
        name: str,
        ignore: Ignore | None = None,
        digests: FileDigests | None = None,
        *,
        dockerfile: str = "Dockerfile",
    ) -> None:
        """Raises HostError. `ignore` None: what stands beside the `dockerfile` is read, or .dockerignore."""
        self.name = name
        self._digests = digests or FileDigests()
        self._stats: dict[str, os.stat_result] = {}
        self.skipped: list[str] = []
        """Sockets, pipes and devices: an image gets none from a context."""
        self.stamps: dict[str, Stamp | None] = {name: stamp(name)}
        """What was looked at, each stamped before that: a change meanwhile is one afterwards."""
        try:
            self.root_fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            raise host_error(problem, "cannot read the build context", name) from problem
        try:
            self._rules = ignore if ignore is not None else self._read_rules(dockerfile)
            self.tree = Tree(dict(self._walk(self.root_fd, "", 0)), self.content)
        except BaseException:
            os.close(self.root_fd)
            raise

    def close(self) -> None:
        os.close(self.root_fd)

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def content(self, path: str) -> str:
        """The digest of a file, from its stat if that is known."""
        kept = self._digests.kept(self._stats[path])
        if kept is not None:
            return kept
        file_fd = self.open(path)
        try:
            return self._digests.of(file_fd)
        finally:
            os.close(file_fd)

    def open(self, path: str) -> int:
        """A file of the tree, for reading. Raises HostError when it is gone, or is none any more."""
        try:
            file_fd = open_confined(self.root_fd, path, _FILE)
        except KernelError as problem:
            hint = "a link leads out, or another file system is mounted there" if problem.errno == errno.EXDEV else ""
            message = f'cannot read "{path}" of the build context: {problem}'
            raise HostError(message, subject=path, hint=hint) from problem
        if not stat.S_ISREG(os.fstat(file_fd).st_mode):
            os.close(file_fd)
            raise HostError(f'"{path}" of the build context is no file any more', subject=path)
        return file_fd

    def _read_rules(self, dockerfile: str) -> Ignore:
        for name in ignore_files(dockerfile):
            self._stamp(name)
        return ignore_rules(self.root_fd, dockerfile)

    def _stamp(self, path: str) -> None:
        place = os.path.join(self.name, path)
        self.stamps.setdefault(place, stamp(place))

    def _walk(self, folder_fd: int, folder: str, depth: int) -> Iterator[tuple[str, Entry]]:
        """A folder that is left out is still looked into if something in it may be taken in again."""
        if depth > _DEPTH:
            raise UsageError(f'"{folder[:60]}..." of the build context is too deep', subject=self.name)
        for name in sorted(os.listdir(folder_fd)):
            path = f"{folder}/{name}" if folder else name
            try:
                found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            out = self._rules.leaves_out(path)
            if stat.S_ISDIR(found.st_mode):
                yield from self._folder(folder_fd, path, found, out, depth)
            elif not out:
                yield from self._other(folder_fd, name, path, found)

    def _folder(
        self, parent_fd: int, path: str, found: os.stat_result, out: bool, depth: int
    ) -> Iterator[tuple[str, Entry]]:
        if out and not self._rules.exceptions:
            return
        self._stamp(path)
        try:
            folder_fd = os.open(os.path.basename(path), _FOLDER, dir_fd=parent_fd)
        except OSError as problem:
            raise host_error(problem, "cannot read", f"{self.name}/{path}") from problem
        try:
            inside = list(self._walk(folder_fd, path, depth + 1))
        finally:
            os.close(folder_fd)
        if not out or inside:
            yield path, Entry(FOLDER, stat.S_IMODE(found.st_mode))
            yield from inside

    def _other(self, folder_fd: int, name: str, path: str, found: os.stat_result) -> Iterator[tuple[str, Entry]]:
        if len(self._stats) > _ENTRIES:
            raise UsageError("the build context has too many files", subject=self.name, hint="write a .dockerignore")
        if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            self._stamp(path)
        if stat.S_ISREG(found.st_mode):
            self._stats[path] = found
            yield path, Entry(FILE, stat.S_IMODE(found.st_mode))
        elif stat.S_ISLNK(found.st_mode):
            yield path, Entry(LINK, 0o777, os.readlink(name, dir_fd=folder_fd))
        else:
            self.skipped.append(path)


def ignore_files(dockerfile: str) -> tuple[str, ...]:
    """The first that is there counts."""
    return (f"{dockerfile}.dockerignore", ".dockerignore")


def ignore_rules(root_fd: int, dockerfile: str = "Dockerfile") -> Ignore:
    """Those beside the Dockerfile, `Dockerfile.dockerignore`, else `.dockerignore`. Raises UsageError."""
    for name in ignore_files(dockerfile):
        text = _read(root_fd, name)
        if text is not None:
            try:
                return Ignore(read_ignore(text))
            except BadPattern as problem:
                raise UsageError(f"{name}: {problem}", subject=name) from problem
    return Ignore(())


def _read(root_fd: int, name: str) -> str | None:
    """A small file beneath the root; None if there is none. A link that leads out is an error."""
    try:
        file_fd = open_confined(root_fd, name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except KernelError as problem:
        if problem.errno in {errno.ENOENT, errno.ENOTDIR}:
            return None
        raise HostError(f'cannot read "{name}": {problem}', subject=name) from problem
    if not stat.S_ISREG(os.fstat(file_fd).st_mode):
        os.close(file_fd)
        raise UsageError(f'"{name}" is not a file', subject=name)
    with os.fdopen(file_fd, "rb") as file:
        content = file.read(_IGNORE_SIZE + 1)
    if len(content) > _IGNORE_SIZE:
        raise UsageError(f'"{name}" is larger than 1 MiB', subject=name)
    return content.decode("utf-8", "surrogateescape")
