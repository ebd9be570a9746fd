"""Every file that a load reads or looks for, read once, under the name that the user would type.

The only way from the pipeline to the disk. Keeps what the cache needs to know whether anything changed: a stamp a
path, None for a path where nothing was.
"""

from __future__ import annotations

import os

from stackup.diagnostics import Diagnostics, Span
from stackup.errors import StackupError
from stackup.stackfile.discover import STDIN, Request
from stackup.stackfile.document import Node, Scalar
from stackup.stackfile.parse import decode
from stackup.stackfile.remote import is_remote_file
from stackup.stamps import NEVER, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.stamps import Stamp

MAX_TEXT = 64 * 1024 * 1024
"""Of all env files, counted as often as services name them."""


class Sources:
    """`texts` are the texts by shown name, `stamps` the stamps by absolute path."""

    def __init__(self, request: Request, diagnostics: Diagnostics) -> None:
        self.request = request
        self.diagnostics = diagnostics
        self.texts: dict[str, str] = {}
        self.stamps: dict[str, Stamp | None] = {}
        self.home = ""
        self._bytes: dict[str, bytes | None] = {}
        self._given = 0
        self._elsewhere: dict[str, str] = {}

    def read(self, path: str) -> bytes | None:
        if path not in self._bytes:
            if path == STDIN:
                self.stamps[path] = NEVER
                self._bytes[path] = self.request.stdin()
            else:
                self.stamps[path] = stamp(path)
                self._bytes[path] = self.request.read(path)
            self._keep(path)
        return self._bytes[path]

    def _keep(self, path: str) -> None:
        content = self._bytes[path]
        if content is not None:
            self.texts[self.name(path)] = content.decode("utf-8-sig", "replace")

    def text(self, path: str) -> str | None:
        """The text of an env or label file; None when there is none. What is not text is a diagnostic and empty."""
        content = self.read(os.path.normpath(os.path.join(self.home, path)))
        if content is None:
            return None
        self._given += len(content)
        if self._given > MAX_TEXT:
            where = Span(self.name(path), 1, 1, 1, 1)
            self.diagnostics.error("SU005", "env files are too large together", span=where, detail=f"{MAX_TEXT} bytes")
            return ""
        return decode(content, self.name(path), self.diagnostics) or ""

    def name(self, path: str) -> str:
        """The path as the user would type it: relative where that is shorter."""
        if path == STDIN:
            return "<stdin>"
        for folder, name in self._elsewhere.items():
            if path.startswith(f"{folder}/"):
                return f"{name}/{path[len(folder) + 1 :]}"
        relative = os.path.relpath(path, self.request.directory)
        return relative if len(relative) < len(path) else path

    def here(self, node: Scalar, summary: str, hint: str) -> tuple[str, ...]:
        """The files that a stack file names by a path, or that a remote name stands for; none, and told, when there
        are none."""
        path = str(node.value)
        if is_remote_file(path):
            return self._fetched(node, path)
        if "://" in path:
            self.missing(node, summary, "only oci:// and git repositories are fetched: an address that ends in .git")
        elif self.read(path) is None:
            self.missing(node, summary, hint)
        else:
            return (path,)
        return ()

    def _fetched(self, node: Scalar, name: str) -> tuple[str, ...]:
        try:
            copy = self.request.remote(name)
        except StackupError as problem:
            summary = "a stack from elsewhere cannot be had"
            self.diagnostics.error("SU046", summary, detail=problem.message, span=node.span, hint=problem.hint)
            return ()
        self.stamps.update(copy.rests_on)
        self._elsewhere[copy.folder] = name
        return copy.files

    def missing(self, node: Node, summary: str, hint: str) -> None:
        path = str(node.value) if isinstance(node, Scalar) else ""
        detail = f'"{self.name(path) if path.startswith("/") else path}"'
        self.diagnostics.error("SU015", summary, detail=detail, span=node.span, label="not found", hint=hint)
