"""Resolved stacks kept on disk under the key of their inputs, so that a command on an unchanged stack parses nothing.

Hot. An entry is believed only when the same tool wrote it, every file that it rests on holds its stamp, and every
variable that was consulted has the same value, of which a fingerprint is kept. It is a file of ours alone with a
checksum before it, so one that is torn, worn, or somebody else's is a miss, never an error: what is read back is what
was written. (Who can write as this user can change the tool itself.) Losing the cache loses nothing but time.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from math import inf

from stackup.errors import StackupError
from stackup.kernel import keyfile
from stackup.kernel.files import list_dir, make_dir, remove, write_bytes
from stackup.project.tool import tool
from stackup.stamps import NEVER, holds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from stackup.layout import Layout
    from stackup.project.session import Where

FORMAT = 3
LARGEST = 256 << 20
MOST = 400
"""Entries; when there are more the older half goes."""
_KIND, _FILE, _OTHERS_WRITE = 0o170000, 0o100000, 0o022
_ANY = "surrogatepass"
_HEAD = 9
"""The checksum in hexadecimal and an end of line."""


def key_of(where: Where, purpose: str, services: tuple[str, ...] = ()) -> dict[str, Any]:
    """Everything of a command line that can change what a stack resolves to; variables and files are checked apart."""
    return {
        "format": FORMAT,
        "engine": where.environ.get("STACKUP_ENGINE", ""),
        "purpose": purpose,
        "directory": where.directory,
        "files": list(where.files),
        "env_files": list(where.env_files),
        "profiles": list(where.profiles),
        "stack_name": where.stack_name,
        "project_directory": where.project_directory,
        "services": sorted(services),
    }


def entry_file(layout: Layout, key: Mapping[str, Any]) -> str:
    """A short name is enough: the whole key is in the file and compared, so that a collision is a miss."""
    text = repr(sorted(key.items())).encode(errors="surrogateescape")
    return os.path.join(layout.cache_dir, f"{zlib.crc32(text):08x}{zlib.adler32(text):08x}.json")


def read(layout: Layout, where: Where, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry for a key when it still holds, else None."""
    entry = _whole(entry_file(layout, key))
    if entry is None or entry["key"] != key or entry["tool"] != tool():
        return None
    if entry["until"] is not None and time.time() >= entry["until"]:
        return None
    marks = _marks(_key(layout), where.environ, entry["variables"])
    if any(entry[name] != value for name, value in marks.items()):
        return None
    if not all(holds(path, seen) for path, seen in entry["files"].items()):
        return None
    value: dict[str, Any] = entry["value"]
    return value


def _marks(key: bytes, variables: Mapping[str, str | None], names: Iterable[str]) -> dict[str, Any]:
    """A variable can be a password, and is only compared. `mark`: what is sealed in the value, this key opens."""
    found = {name: variables.get(name) for name in names}
    marks = {name: value and keyfile.fingerprint(key, value.encode(errors=_ANY)) for name, value in found.items()}
    return {"mark": keyfile.fingerprint(key, b""), "variables": marks}


def _key(layout: Layout) -> bytes:
    """Nothing was marked with none, so that a key that cannot be read is a miss."""
    try:
        return keyfile.read(layout.key_file) or b""
    except StackupError:
        return b""


def _whole(path: str) -> dict[str, Any] | None:
    """An entry as it was written; None when it is not ours, not whole, or not there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        is_plain = status.st_mode & (_KIND | _OTHERS_WRITE) == _FILE
        if not is_plain or status.st_uid != os.geteuid() or not _HEAD < status.st_size <= LARGEST:
            return None
        data = os.read(fd, status.st_size)
    except OSError:
        return None
    finally:
        os.close(fd)
    body = data[_HEAD:]
    if data[:_HEAD] != _head(body):
        return None
    entry: dict[str, Any] = json.loads(body)
    return entry


def _head(body: bytes) -> bytes:
    return b"%08x\n" % zlib.crc32(body)


def write(
    layout: Layout,
    key: Mapping[str, Any],
    value: Mapping[str, Any],
    inputs: tuple[Mapping[str, Any], Mapping[str, Any]],
    until: float = inf,
) -> None:
    """Keep a value with the (files, variables) it rests on, no longer than `until`, in seconds since the epoch.

    A disk that is full or read-only only costs time.
    """
    files, variables = inputs
    if NEVER in files.values():  # what came through a pipe cannot be looked at again
        return
    try:
        own = keyfile.need(layout.key_file)
        rests_on = {"files": dict(files), "until": None if until == inf else until, **_marks(own, variables, variables)}
        entry = {"tool": tool(), "key": key, **rests_on, "value": value}
        body = json.dumps(entry, separators=(",", ":")).encode()
        if len(body) + _HEAD > LARGEST:
            return
        make_dir(layout.cache_dir)
        if os.stat(layout.cache_dir).st_uid == os.geteuid():
            _sweep(layout.cache_dir)
            write_bytes(entry_file(layout, key), _head(body) + body, durable=False)
    except (OSError, StackupError):
        return


def _sweep(folder: str) -> None:
    """Folders that are no more, services that were named once, asides of writers that were killed: the oldest go."""
    names = list_dir(folder)
    if len(names) >= MOST:
        paths = [os.path.join(folder, name) for name in names]
        for path in sorted(paths, key=lambda path: os.lstat(path).st_mtime_ns)[: MOST // 2]:
            remove(path)


def forget(layout: Layout, keys: Iterable[Mapping[str, Any]]) -> None:
    """Drop entries, so that the next command resolves anew."""
    for key in keys:
        remove(entry_file(layout, key))
