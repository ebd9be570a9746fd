"""A tree of files as a value: what a build context, or the root of a stage, looks like to COPY.

Pure. Paths are relative, without `.` and `..`; the root itself has none. A file's content is a digest that is asked for
only when it counts. Links are resolved here as in the tree: an absolute one begins at its root, and none leads out.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

FILE, FOLDER, LINK = "file", "folder", "link"
_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`target` is where a link points. Contexts belong to nobody: uid and gid are 0 there."""

    kind: str
    mode: int
    target: str = ""
    uid: int = 0
    gid: int = 0


class Tree:
    """Never changed. `content(path)` gives a file's digest."""

    __slots__ = ("content", "entries", "paths")

    def __init__(self, entries: Mapping[str, Entry], content: Callable[[str], str]) -> None:
        self.entries = entries
        self.paths = sorted(entries)
        self.content = content

    def below(self, folder: str) -> list[str]:
        """All paths in a folder, at any depth, a folder before what is in it; of the root for an empty name."""
        if not folder:
            return list(self.paths)
        return self.paths[bisect_left(self.paths, f"{folder}/") : bisect_left(self.paths, f"{folder}0")]  # 0 follows /

    def is_folder(self, path: str) -> bool:
        return not path or (path in self.entries and self.entries[path].kind == FOLDER)

    def resolve(self, path: str) -> str | None:
        """The path without links, empty for the root; None if nothing is there."""
        return followed(path, self._at)

    def _at(self, path: str) -> Entry | None:
        return self.entries.get(path) if self.is_folder(path.rpartition("/")[0]) else None


def followed(path: str, found: Callable[[str], Entry | None]) -> str | None:
    """The path without links, empty for the root; None if nothing is there. `found` knows paths without links."""
    todo, at, links = path.split("/")[::-1], list[str](), 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = at[:-1]
            continue
        entry = found("/".join([*at, part]))
        if entry is None:
            return None
        if entry.kind == LINK:
            links += 1
            if links > _LINKS:
                return None
            at = [] if entry.target.startswith("/") else at
            todo += entry.target.split("/")[::-1]
        else:
            at.append(part)
    return "/".join(at)


def content_digest(tree: Tree, chosen: Iterable[tuple[str, str]]) -> str:
    """Of files and of where they go: names, kinds, modes, owners and contents count, times do not."""
    hashed = hashlib.sha256()
    for path, place in chosen:
        entry = tree.entries[path]
        content = tree.content(path) if entry.kind == FILE else entry.target
        row = [place, entry.kind, entry.mode, entry.uid, entry.gid, content]
        hashed.update(json.dumps(row, ensure_ascii=True).encode() + b"\n")
    return f"sha256:{hashed.hexdigest()}"
