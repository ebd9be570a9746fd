"""The graph of a build: what must be there, what is done to it, in an order that works; nothing the target can spare.

Pure. A vertex is one root file system: a source that is fetched, or its parent with one operation done. Vertices that
are not connected can be made at the same time. Commands that only change the configuration have no vertex. A solver
walks `vertices`, asks `keys` for each one's key, and makes those it has not got.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from stackup import gitref
from stackup.images.build.commands import Copy
from stackup.images.build.evaluate import Evaluated, MakeDirectory, Operation, Step, Transfer
from stackup.images.build.execution import Execute
from stackup.images.build.meaning import is_remote
from stackup.images.build.mounts import Mount
from stackup.images.build.platforms import Platform
from stackup.images.build.stages import (
    FromContext,
    FromHost,
    FromImage,
    FromScratch,
    FromStage,
    Origin,
    Stages,
)
from stackup.images.manifest import ImageConfig


@dataclass(frozen=True, slots=True)
class Remote:
    """What ADD fetches: a file, or a git reference."""

    url: str
    checksum: str = ""
    keep_git_dir: bool = False

    @property
    def is_file(self) -> bool:
        return self.url.startswith(("http://", "https://")) and gitref.parse(self.url) is None

    @property
    def name(self) -> str:
        """What a file is called: the last part of its URL's path, or BuildKit's word where there is none."""
        last = unquote(urlsplit(self.url).path).rpartition("/")[2]
        return "__unnamed__" if last in ("", ".", "..") or "\0" in last else last


@dataclass(frozen=True, slots=True)
class Source:
    """A root that is not made but found. An image is one for a platform."""

    origin: FromImage | FromHost | FromContext | Remote
    platform: Platform | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of a root count. No sources means all of it."""

    sources: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parents: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """Files that an operation reads from another root; `mount` says where a RUN sees them."""

    vertex: int
    selection: Selection
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class Vertex:
    """`stage` and `step` are None for sources. `parent` is None for what begins with nothing."""

    id: int
    work: Source | Operation
    parent: int | None = None
    inputs: tuple[Input, ...] = ()
    stage: int | None = None
    step: Step | None = None

    @property
    def linked(self) -> bool:
        """COPY --link: what it adds does not depend on what is below it."""
        return isinstance(self.work, Transfer) and self.work.copy.link

    @property
    def needs(self) -> tuple[int, ...]:
        """Vertices that must be there first."""
        parent = () if self.parent is None else (self.parent,)
        return (*parent, *(one.vertex for one in self.inputs))


@dataclass(frozen=True, slots=True)
class Recipe:
    """`result` is the target's root; None if it is empty. `config` is the target's configuration."""

    vertices: tuple[Vertex, ...]
    """Each after all that it needs."""
    result: int | None
    config: ImageConfig
    author: str
    history: tuple[tuple[str, int | None], ...]
    """What the target's own stages did, in order, with the vertex that it made; None for a change of configuration."""


def recipe(stages: Stages, evaluated: Sequence[Evaluated]) -> Recipe:
    """`evaluated` are the needed stages, in order; neither has problems."""
    drawing = _Drawing(stages)
    for done in evaluated:
        drawing.stage(done)
    last = evaluated[-1] if evaluated else None
    assert last is not None, "the target is needed"
    assert last.index == stages.target, "the target comes last of what it needs"
    return Recipe(
        tuple(drawing.vertices),
        drawing.results[last.index],
        last.scope.image,
        last.scope.author,
        tuple(drawing.histories[last.index]),
    )


@dataclass(slots=True)
class _Drawing:
    stages: Stages
    vertices: list[Vertex] = field(default_factory=list)
    sources: dict[Source, int] = field(default_factory=dict)
    results: dict[int, int | None] = field(default_factory=dict)
    histories: dict[int, list[tuple[str, int | None]]] = field(default_factory=dict)

    def stage(self, done: Evaluated) -> None:
        stage = self.stages.stages[done.index]
        at = self._root(stage.base, stage.platform)
        history = list(self.histories[stage.base.index]) if isinstance(stage.base, FromStage) else []
        for step in done.steps:
            made = None
            if step.operation is not None:
                at = made = self._operation(done.index, step, step.operation, at)
            history.append((step.history, made))
        self.results[done.index] = at
        self.histories[done.index] = history

    def _operation(self, stage: int, step: Step, work: Operation, parent: int | None) -> int:
        inputs = self._inputs(work, self.stages.stages[stage].platform)
        vertex = Vertex(len(self.vertices), work, parent, inputs, stage, step)
        self.vertices.append(vertex)
        return vertex.id

    def _inputs(self, work: Operation, platform: Platform) -> tuple[Input, ...]:
        match work:
            case Transfer(copy):
                return tuple(self._copied(copy, platform))
            case Execute():
                return tuple(one for mount in work.mounts if (one := self._mounted(mount, platform)))
            case MakeDirectory():
                return ()

    def _copied(self, copy: Copy, platform: Platform) -> list[Input]:
        urls = [source for source in copy.sources if copy.adding and is_remote(source)]
        local = tuple(source for source in copy.sources if source not in urls)
        found = []
        if local:
            root = self._named(copy.origin, platform)
            if root is not None:
                found.append(Input(root, Selection(local, copy.exclude, copy.parents)))
        for url in urls:
            assert copy.adding is not None, "only ADD fetches"
            remote = Remote(url, copy.adding.checksum, copy.adding.keep_git_dir)
            taken = (_literal(remote.name),) if remote.is_file else ()
            found.append(Input(self._source(Source(remote)), Selection(taken, copy.exclude)))
        return found

    def _mounted(self, mount: Mount, platform: Platform) -> Input | None:
        """A cache may begin with somebody's files; a bind of the context is the context's."""
        if mount.kind == "bind" or (mount.kind == "cache" and mount.origin):
            root = self._named(mount.origin, platform)
            if root is not None:
                return Input(root, Selection((mount.source,) if mount.source else ()), mount)
        return None

    def _named(self, name: str, platform: Platform) -> int | None:
        return self._root(self.stages.origin(name, case=False) if name else FromContext(), platform)

    def _root(self, origin: Origin, platform: Platform) -> int | None:
        match origin:
            case FromStage(index):
                return self.results[index]
            case FromScratch():
                return None
            case FromImage():
                return self._source(Source(origin, platform))
            case FromContext() | FromHost():
                return self._source(Source(origin))

    def _source(self, source: Source) -> int:
        """Each is there once, whoever asks."""
        if source not in self.sources:
            self.sources[source] = len(self.vertices)
            self.vertices.append(Vertex(len(self.vertices), source))
        return self.sources[source]


def _literal(name: str) -> str:
    """As a source of COPY that means no other name."""
    return re.sub(r"[*?\[\\]", lambda found: f"[\\{found[0]}]", name)
