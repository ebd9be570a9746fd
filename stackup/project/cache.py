"""Resolved stacks kept on disk under the key of their inputs, so that a command on an unchanged stack parses nothing.

Hot. An entry is believed only when every file it rests on has the same stat and every variable that was consulted has
the same value; one that is torn, hostile or of another release is a miss, never an error. Losing the cache loses
nothing but time.
"""

from __future__ import annotations

import os
import time
import zlib
from math import inf

from stackup import __version__
from stackup.errors import StackupError
from stackup.kernel.files import make_dir, read_json, remove, write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from stackup.layout import Layout
    from stackup.project.session import Where

FORMAT = 2
STDIN = "-"
DIRECTORY = 0o040000
Stat = "list[int] | None"


def key_of(where: Where, purpose: str, services: tuple[str, ...] = ()) -> dict[str, Any]:
    """Everything of a command line that can change what a stack resolves to; variables and files are checked apart."""
    return {
        "format": FORMAT,
        "tool": __version__,
        "purpose": purpose,
        "directory": where.directory,
        "files": list(where.files),
        "env_files": list(where.env_files),
        "profiles": list(where.profiles),
        "stack_name": where.stack_name,
        "project_directory": where.project_directory,
        "services": sorted(services),
    }


def cacheable(where: Where) -> bool:
    """What came through a pipe cannot be looked at again."""
    return STDIN not in where.files and where.environ.get("COMPOSE_FILE") != STDIN


def entry_file(layout: Layout, key: Mapping[str, Any]) -> str:
    """A short name is enough: the whole key is in the file and compared, so that a collision is a miss."""
    text = repr(sorted(key.items())).encode(errors="surrogateescape")
    return os.path.join(layout.cache_dir, f"{zlib.crc32(text):08x}{zlib.adler32(text):08x}.json")


def stat_of(path: str) -> list[int] | None:
    """What tells one version of a file from another; None when nothing is there, or nothing is in the folder."""
    try:
        found = os.stat(path)
        if found.st_mode & 0o170000 == DIRECTORY and not os.listdir(path):
            return None
    except (OSError, ValueError):
        return None
    return [found.st_mtime_ns, found.st_size, found.st_ino]


def read(layout: Layout, where: Where, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry for a key when it still holds, else None."""
    if not cacheable(where):
        return None
    try:
        entry = read_json(entry_file(layout, key))
        if not isinstance(entry, dict) or entry["key"] != key or not _holds(entry, where.environ):
            return None
        value = entry["value"]
    except (StackupError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _holds(entry: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    variables, files, until = entry["variables"], entry["files"], entry["until"]
    return (
        (until is None or time.time() < until)
        and all(environ.get(name) == value for name, value in variables.items())
        and all(stat_of(path) == seen for path, seen in files.items())
    )


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
    files = {path: list(seen) if seen else None for path, seen in inputs[0].items()}
    when = None if until == inf else until
    try:
        make_dir(layout.cache_dir)
        entry = {"key": key, "files": files, "variables": dict(inputs[1]), "value": value, "until": when}
        write_json(entry_file(layout, key), entry, durable=False)
    except StackupError:
        return


def forget(layout: Layout, keys: Iterable[Mapping[str, Any]]) -> None:
    """Drop entries, so that the next command resolves anew."""
    for key in keys:
        remove(entry_file(layout, key))
