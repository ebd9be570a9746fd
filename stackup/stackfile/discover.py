"""Which files make the stack, and what the command line and the environment say about it; nothing is parsed.

Hot: the cache and `ps` ask this on every run, so it imports nothing that costs. An env file is parsed only if it
mentions COMPOSE_, and then late. Everything comes by value in a Request; only its `read` touches the disk.
"""

from __future__ import annotations

import errno
import os
import stat

from stackup.errors import UsageError
from stackup.stackfile.remote import RemoteCopy, is_remote_file, no_copy
from stackup.stamps import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stackup.stamps import Stamp

STDIN = "-"
MAX_BYTES = 10 * 1024 * 1024
"""Of any file that is read: more is refused when it is parsed."""
NAMES = (
    "stack.yaml",
    "stack.yml",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
)
_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


def read_disk(path: str) -> bytes | None:
    """The bytes of a file, or None when there is none; at most one more than `MAX_BYTES`.

    A stack file can name any path. Devices and pipes are refused, since reading them may never end; the pipes of a
    shell's process substitution are what the user typed.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if _is_typed(path) else os.O_NONBLOCK))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: a path that no file can have
        return None
    except OSError as problem:
        if problem.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            return None
        reason = (problem.strerror or "cannot be read").lower()
        raise UsageError(f'"{path}": {reason}', subject=path, hint="check its permissions") from problem
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode) and not _is_typed(path):
            raise UsageError(f'"{path}" is not a file', subject=path, hint="devices and pipes are not read")
        return _read(fd)
    finally:
        os.close(fd)


def _is_typed(path: str) -> bool:
    return path.startswith(("/dev/fd/", "/proc/self/fd/"))


def _read(fd: int) -> bytes:
    pieces: list[bytes] = []
    left = MAX_BYTES + 1
    while left > 0 and (piece := os.read(fd, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def read_nothing() -> bytes:
    return b""


STEPS = ("consistency", "env_resolution", "interpolate", "normalize", "path_resolution")
"""What `config --no-...` leaves out."""
UNMASKED = "unmasked"
"""Left out as well by `config --portable`: the step that puts values in the place of variables of free texts."""


class Request:
    """What to load. Immutable by custom; a plain class, since the hot verbs make one (dataclasses cost 17 ms).

    `without` are steps of the pipeline that are left out, for `config`; an engine never sees such a stack.
    """

    __slots__ = (
        "all_resources",
        "directory",
        "env_files",
        "environ",
        "files",
        "profiles",
        "project_directory",
        "read",
        "remote",
        "services",
        "stack_name",
        "stdin",
        "without",
    )

    def __init__(
        self,
        directory: str,
        *,
        files: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
        env_files: Iterable[str] = (),
        profiles: Iterable[str] = (),
        stack_name: str = "",
        project_directory: str = "",
        services: Iterable[str] = (),
        all_resources: bool = False,
        read: Callable[[str], bytes | None] = read_disk,
        stdin: Callable[[], bytes] = read_nothing,
        remote: Callable[[str], RemoteCopy] = no_copy,
        without: Iterable[str] = (),
    ) -> None:
        self.directory = os.path.abspath(directory)
        self.files = tuple(files)
        self.environ: Mapping[str, str] = {} if environ is None else environ
        self.env_files = tuple(env_files)
        self.profiles = tuple(profiles)
        self.stack_name = stack_name
        self.project_directory = project_directory
        self.services = tuple(services)
        self.all_resources = all_resources
        self.read = read
        self.stdin = stdin
        self.remote = remote
        self.without = frozenset(without)


class Found:
    """What discovery settled. When `stack_name` is empty the files may have one; `folder_name` is the last resort.

    `looked_for` are all paths whose presence mattered, each with its stamp from before it was looked for; `ignored` are
    files beside the chosen one that would have done too.
    """

    __slots__ = (
        "directory",
        "env_files",
        "files",
        "folder_name",
        "ignored",
        "looked_for",
        "profiles",
        "stack_name",
        "variables",
    )

    def __init__(self) -> None:
        self.files: tuple[str, ...] = ()
        self.directory = ""
        self.env_files: tuple[str, ...] = ()
        self.profiles: tuple[str, ...] = ()
        self.stack_name = ""
        self.folder_name = ""
        self.ignored: tuple[str, ...] = ()
        self.looked_for: dict[str, Stamp | None] = {}
        self.variables: dict[str, str | None] = {}

    def look_for(self, path: str) -> None:
        """Before it is read: what changes in between must not pass for what was read."""
        if path not in self.looked_for:
            self.looked_for[path] = stamp(path)


def find(request: Request) -> Found:
    """Raises UsageError when there is no stack file, or a named file is missing."""
    found = Found()
    settings = _Settings(request, found)
    base = os.path.join(request.directory, request.project_directory)
    settings.add_env_files(base)
    chosen = request.files or _split(settings.get("COMPOSE_FILE"), settings.get("COMPOSE_PATH_SEPARATOR") or os.pathsep)
    if chosen:
        found.files = tuple(path for name in chosen for path in _named(name, request, found))
    else:
        found.files = _search(base, request, found)
    is_far = bool(chosen) and is_remote_file(chosen[0])
    first = found.files[0]
    home = request.directory if first == STDIN else os.path.dirname(first)
    found.directory = os.path.normpath(base if request.project_directory else home)
    if found.directory != os.path.normpath(base) and not is_far:
        settings.add_env_files(found.directory)
    found.env_files = tuple(settings.paths)
    found.profiles = request.profiles or _split(settings.get("COMPOSE_PROFILES"), ",")
    found.stack_name = request.stack_name or settings.get("COMPOSE_PROJECT_NAME")
    folder = request.directory if is_far else found.directory  # what is from elsewhere is called by where it is used
    found.folder_name = normal_name(os.path.basename(folder)) or "default"
    return found


def normal_name(folder: str) -> str:
    """A folder's name as a stack's name: lower case, only letters, digits, `-` and `_`, a letter or digit first."""
    kept = "".join(char for char in folder.lower() if char in "abcdefghijklmnopqrstuvwxyz0123456789_-")
    return kept.lstrip("_-")


def is_name(name: str) -> bool:
    return bool(name) and normal_name(name) == name


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


class _Settings:
    """COMPOSE_* variables: the environment's, then those of the env files."""

    def __init__(self, request: Request, found: Found) -> None:
        self.request = request
        self.found = found
        self.paths: list[str] = []
        self.values: dict[str, str] = {}
        self._done: set[str] = set()

    def get(self, name: str) -> str:
        value = self._ask(name)
        return self.values.get(name, "") if value is None else value

    def add_env_files(self, folder: str) -> None:
        """The named env files, or else the `.env` of `folder`."""
        named = self.request.env_files or _split(self.get("COMPOSE_ENV_FILES"), ",")
        if not named and self.get("COMPOSE_DISABLE_ENV_FILE").lower() in ("1", "true", "yes"):
            return
        self.paths = []
        for name in named or (".env",):
            path = os.path.normpath(os.path.join(self.request.directory if named else folder, name))
            self.found.look_for(path)
            content = self.request.read(path)
            if content is not None:
                self.paths.append(path)
                self._take(path, content)
            elif named:
                raise UsageError(
                    f'env file "{name}" does not exist', subject=path, hint="check --env-file and COMPOSE_ENV_FILES"
                )

    def _take(self, path: str, content: bytes) -> None:
        if path in self._done or b"COMPOSE_" not in content:
            return
        self._done.add(path)
        from stackup.stackfile.envfiles import (
            settings_of,
        )  # the grammar costs 30 ms, and most env files set none of ours

        self.values |= settings_of(content, path, self._ask)

    def _ask(self, name: str) -> str | None:
        value = self.found.variables[name] = self.request.environ.get(name)
        return value


def _named(name: str, request: Request, found: Found) -> tuple[str, ...]:
    if name == STDIN:
        return (STDIN,)
    if is_remote_file(name):
        copy = request.remote(name)
        found.looked_for.update(copy.rests_on)
        return copy.files
    path = os.path.normpath(os.path.join(request.directory, name))
    found.look_for(path)
    if request.read(path) is None:
        raise UsageError(
            f'stack file "{name}" does not exist', subject=path, hint="check the -f options and COMPOSE_FILE"
        )
    return (path,)


def _search(base: str, request: Request, found: Found) -> tuple[str, ...]:
    folder = os.path.normpath(base)
    while True:
        there = [path for name in NAMES if _exists(path := os.path.join(folder, name), request, found)]
        if there:
            found.ignored = tuple(there[1:])
            return (there[0], *_override(there[0], request, found))
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    raise UsageError(
        f'no stack file in "{os.path.normpath(base)}" or a folder above it',
        subject=os.path.normpath(base),
        hint=f"looked for {', '.join(NAMES)}; make one of them, or name a file with -f",
    )


def _exists(path: str, request: Request, found: Found) -> bool:
    found.look_for(path)
    return request.read(path) is not None if request.read is not read_disk else os.path.isfile(path)


def _override(path: str, request: Request, found: Found) -> tuple[str, ...]:
    """The sibling that is merged on top: of the same name, else any of Compose's four."""
    stem, suffix = os.path.splitext(path)
    other = ".yml" if suffix == ".yaml" else ".yaml"
    siblings = [f"{stem}.override{suffix}", f"{stem}.override{other}"]
    if not os.path.basename(path).startswith("stack."):
        siblings += [os.path.join(os.path.dirname(path), name) for name in _OVERRIDES]
    return next(((sibling,) for sibling in siblings if _exists(sibling, request, found)), ())
