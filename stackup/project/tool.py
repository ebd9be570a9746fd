"""Which tool this is: what another one has cached is not believed.

Hot. An installed tool changes with the folder that it is installed in, and so do the libraries that read for it; a
checkout changes with any source that has a part in resolving a stack.
"""

from __future__ import annotations

import os
import sys
import zlib

import stackup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = os.path.dirname(os.path.abspath(stackup.__file__))
SOURCES = ("", "stackfile", "stackfile/model", "engines/desire", "project", "reconcile")
"""Folders whose modules have a say in what is cached."""
INSTALLED = "-packages"
"""How a folder ends that an installer looks after."""


def tool(home: str = HOME) -> list[str | int]:
    """As plain data that can be compared."""
    folders = {path for path in (*sys.path, os.path.dirname(home)) if path.endswith(INSTALLED)}
    own = 0 if os.path.dirname(home).endswith(INSTALLED) else _checkout(home)
    return [stackup.__version__, sys.hexversion, _sum(sorted(_changed(path) for path in folders)), own]


def _checkout(home: str) -> int:
    return _sum(sorted(line for folder in SOURCES for line in _sources(os.path.join(home, folder))))


def _sources(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    yield f"{entry.path} {status.st_ctime_ns} {status.st_size}"
    except OSError:  # inside of an archive
        return


def _changed(folder: str) -> str:
    try:
        return f"{folder} {os.stat(folder).st_mtime_ns}"
    except OSError:
        return folder


def _sum(lines: list[str]) -> int:
    return zlib.crc32("\n".join(lines).encode(errors="surrogateescape"))
