"""What ADD fetches, looking like a build context: a file behind a URL is a tree with one entry.

With a checksum it is known what comes, so a plan needs no network, and the file is fetched when a step wants it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from stackup.images.build.recipe import Remote
from stackup.images.build.tree import FILE, Entry, Tree

if TYPE_CHECKING:
    from stackup.images.download import Download

MODE = 0o600
"""Of what ADD fetches, as BuildKit has it."""


class RemoteFile:
    """To be closed. `fetch` raises StackupError."""

    __slots__ = ("_checksum", "_fetch", "_found", "_lock", "root_fd", "tree")

    def __init__(self, remote: Remote, fetch: Callable[[], Download]) -> None:
        self._checksum = remote.checksum
        self._fetch = fetch
        self._found: Download | None = None
        self._lock = threading.Lock()
        self.root_fd = -1
        self.tree = Tree({remote.name: Entry(FILE, MODE)}, self._content)

    def open(self, _path: str) -> int:
        """Each reader begins at the start."""
        return os.open(f"/proc/self/fd/{self._held().fd}", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._found is not None:
            os.close(self._found.fd)

    def _content(self, _path: str) -> str:
        return (self._checksum or self._held().digest).removeprefix("sha256:")

    def _held(self) -> Download:
        with self._lock:
            self._found = self._found or self._fetch()
        return self._found
