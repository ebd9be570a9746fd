"""The key of a vertex: what its root is made of, so that equal keys mean equal roots.

Pure. Files count by what is in them (a protocol says what), images by digest, commands as they are run; times, proxies,
the contents of secrets and caches, and the names of stages do not count. `ingredients` is the key before it is hashed:
comparing two says why something is made again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Protocol

from stackup.images.build.evaluate import MakeDirectory, Operation, Transfer
from stackup.images.build.execution import Execute
from stackup.images.build.heredoc import Heredoc
from stackup.images.build.mounts import Mount
from stackup.images.build.recipe import Input, Remote, Selection, Source, Vertex
from stackup.images.build.stages import FromContext
from stackup.values import Data, Json

VERSION = 1
"""To be raised when an operation comes to mean something else: old results are made again then."""


class Contents(Protocol):
    """Digests of what builds begin with; asked for while keys are made, so that a solver may look them up late."""

    def source(self, source: Source) -> str:
        """Of an image or the machine; of a context or a download its name, since what is taken from it counts."""

    def selected(self, vertex: Vertex, selection: Selection) -> str | None:
        """Of the chosen files of a root, names, kinds and modes included. Always known for a context and a download;
        None where a root's files were not looked at: then the root's own key counts.
        """


class Keys:
    """Makes keys in the order of the recipe. `roots[id]` is the key of the whole root, `layers[id]` of what it adds."""

    __slots__ = ("_contents", "_vertices", "ingredients", "layers", "roots")

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._vertices: dict[int, Vertex] = {}
        self.roots: dict[int, str] = {}
        self.layers: dict[int, str] = {}
        self.ingredients: dict[int, Data] = {}

    def add(self, vertex: Vertex) -> str:
        """The key of what this vertex adds; those that it needs were added before."""
        self._vertices[vertex.id] = vertex
        parts = self._parts(vertex)
        key = digest(parts)
        self.ingredients[vertex.id] = parts
        self.layers[vertex.id] = key
        below = self._below(vertex)
        self.roots[vertex.id] = digest({"below": below, "layer": key}) if vertex.linked and below else key
        return key

    def _below(self, vertex: Vertex) -> str:
        return "" if vertex.parent is None else self.roots[vertex.parent]

    def _parts(self, vertex: Vertex) -> Data:
        if isinstance(vertex.work, Source):
            return {"version": VERSION, "source": self._contents.source(vertex.work)}
        below = "" if vertex.linked else self._below(vertex)
        inputs: list[Json] = [self._input(one) for one in vertex.inputs]
        return {"version": VERSION, "below": below, "work": _work(vertex.work), "inputs": inputs}

    def _input(self, one: Input) -> Json:
        vertex = self._vertices[one.vertex]
        content = self._contents.selected(vertex, one.selection)
        assert content or not _is_open(vertex), "the files of a context are always known"
        chosen = one.selection
        files: Data = {"sources": list(chosen.sources), "exclude": list(chosen.exclude), "parents": chosen.parents}
        files["content"] = content if content is not None else self.roots[one.vertex]
        if one.mount:
            files["target"] = one.mount.target
        return files


def _is_open(vertex: Vertex) -> bool:
    """Whether a root is more than its key says."""
    return isinstance(vertex.work, Source) and isinstance(vertex.work.origin, FromContext | Remote)


def digest(parts: Data) -> str:
    """`sha256:...` of the parts in one spelling."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _work(work: Operation) -> Data:
    match work:
        case Execute():
            return {
                "run": list(work.argv),
                "env": [list(pair) for pair in work.env],
                "workdir": work.workdir,
                "user": work.user,
                "network": work.network,
                "security": work.security,
                "mounts": [_mount(mount) for mount in work.mounts],
                "script": work.script.text if work.script else None,
            }
        case MakeDirectory(path, user):
            return {"directory": path, "user": user}
        case Transfer(copy):
            adding = copy.adding
            return {
                "copy": copy.target,
                "several": len(copy.sources) + len(copy.documents) > 1,
                "documents": [_document(item) for item in copy.documents],
                "chown": copy.chown,
                "chmod": copy.chmod,
                "add": [adding.unpack, adding.keep_git_dir] if adding else None,
            }


def _document(item: Heredoc) -> Json:
    return [item.name, item.text]


def _mount(mount: Mount) -> Json:
    """What a program can see of a mount; how a cache is shared it cannot."""
    return [
        mount.kind, mount.target, mount.read_only, mount.id, mount.required, mount.mode, mount.uid, mount.gid,
        mount.size, mount.env,
    ]  # fmt: skip
