"""A build before anything is built: its stages evaluated, its graph, every key, and the image that it will be.

Reads the Dockerfile's text, the contexts and what is known of base images; writes nothing. The image's id follows from
keys alone, and no time is in its configuration, so a plan can name an image that is still to be built, and building it
again from the same inputs, here or elsewhere, gives the same id.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from stackup.diagnostics import Diagnostic, Severity, Span
from stackup.errors import StackupError, Unsupported, UsageError
from stackup.images.build.codes import DOING
from stackup.images.build.context import Context, FileDigests
from stackup.images.build.copy import NoFolder, NotThere, selection_digest
from stackup.images.build.dockerfile import parse
from stackup.images.build.evaluate import Evaluated, evaluate
from stackup.images.build.ignore import BadPattern, Ignore
from stackup.images.build.keys import Keys
from stackup.images.build.platforms import Platform, parse_platform
from stackup.images.build.recipe import Recipe, Remote, Selection, Source, Vertex, recipe
from stackup.images.build.remotes import RemoteFile
from stackup.images.build.request import Base, Bases, Commit, Request, Unbuildable
from stackup.images.build.scope import Scope, begin, onward
from stackup.images.build.stages import (
    AMD64,
    FromContext,
    FromHost,
    FromImage,
    FromScratch,
    FromStage,
    Settings,
    Stages,
    read_stages,
)
from stackup.images.importer import architecture
from stackup.images.locked import movable
from stackup.images.manifest import ImageConfig

IMAGE_CONTEXT = "docker-image://"


@dataclass(frozen=True, slots=True)
class Outline:
    """`contexts` are held open: close the outline."""

    request: Request
    stages: Stages
    evaluated: tuple[Evaluated, ...]
    recipe: Recipe
    keys: Keys
    contexts: Contexts
    epoch: int | None

    def close(self) -> None:
        self.contexts.close()

    def base(self, vertex: Vertex) -> Base:
        """The image that a source is."""
        assert isinstance(vertex.work, Source), "only sources are bases"
        return self.contexts.base(vertex.work)

    def chain(self, vertex: int | None) -> tuple[list[Vertex], Base | None]:
        """What a root is made of: operations, the first one first, and the image or context beneath them."""
        made: list[Vertex] = []
        while vertex is not None:
            one = self.recipe.vertices[vertex]
            if isinstance(one.work, Source):
                return made[::-1], self.contexts.base(one.work)
            made.append(one)
            vertex = one.parent
        return made[::-1], None

    def image_text(self, layer_of: Mapping[int, str]) -> str:
        """The image's configuration, with the layers that its vertices have become."""
        made, base = self.chain(self.recipe.result)
        layers = [*(base.layers if base else ()), *(layer_of[one.id] for one in made)]
        config = replace(self.recipe.config, labels={**self.recipe.config.labels, **self.request.labels})
        data: dict[str, Any] = {
            "architecture": architecture(),
            "os": "linux",
            "config": config.to_data(),
            "rootfs": {"type": "layers", "diff_ids": layers},
            "history": [*_history(base), *(_told(text, vertex) for text, vertex in self.recipe.history)],
        }
        if self.recipe.author:
            data["author"] = self.recipe.author
        if self.epoch is not None:
            data["created"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.epoch))
        return json.dumps(data, sort_keys=True, separators=(",", ":"))


def image_id(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _history(base: Base | None) -> list[dict[str, Any]]:
    """Of the base: what it tells, else an entry a layer, so that what follows is told of the right ones."""
    if base is None:
        return []
    return [json.loads(text) for text in base.history] or [{"created_by": ""} for _ in base.layers]


def _told(text: str, vertex: int | None) -> dict[str, Any]:
    return {"created_by": text} if vertex is not None else {"created_by": text, "empty_layer": True}


def named(request: Request) -> Iterator[tuple[str, str, Span]]:
    """Images that the target is made of: name, platform, and where the Dockerfile speaks of it.

    What a trigger of a base would take from yet another image is known only once that base is.
    """
    stages = _stages(request)
    for index in stages.needed():
        stage = stages.stages[index]
        taken = [(origin, one.written.span) for one in stage.commands for origin in stages.takes(one)]
        for origin, span in ((stage.base, stage.written.span), *taken):
            name = origin.reference if isinstance(origin, FromImage) else ""
            if isinstance(origin, FromContext):
                context = request.contexts.get(origin.name, "")
                name = context.removeprefix(IMAGE_CONTEXT) if context.startswith(IMAGE_CONTEXT) else ""
            if name:
                yield name, str(stage.platform), span


def _stages(request: Request) -> Stages:
    """Raises Unbuildable."""
    platform = parse_platform(architecture(), AMD64)
    settings = Settings(dict(request.args), request.target, platform, platform, frozenset(request.contexts))
    stages = read_stages(parse(request.dockerfile, request.source), settings)
    _refuse(stages.problems, request)
    return stages


def outline(request: Request, bases: Bases, digests: FileDigests | None = None) -> Outline:
    """Raises Unbuildable with all problems of the Dockerfile, and StackupError for a base that cannot be had."""
    stages = _stages(request)
    contexts = Contexts(request, bases, digests)
    try:
        stages, done = _evaluated(stages, contexts, request)
        _refuse(tuple(problem for one in done for problem in one.problems), request)
        drawn = recipe(stages, done)
        keys = Keys(contexts)
        for vertex in drawn.vertices:
            _key(keys, vertex, drawn, request)
        return Outline(request, stages, tuple(done), drawn, keys, contexts, request.epoch)
    except BaseException:
        contexts.close()
        raise


def _refuse(problems: tuple[Diagnostic, ...], request: Request) -> None:
    errors = tuple(problem for problem in problems if problem.severity is Severity.ERROR)
    if errors:
        raise Unbuildable(errors, request.source, request.dockerfile)


def _evaluated(stages: Stages, contexts: Contexts, request: Request) -> tuple[Stages, list[Evaluated]]:
    """Each on what its base leaves, the triggers of a base first."""
    done: dict[int, Evaluated] = {}
    for index in stages.needed():
        stage = stages.stages[index]
        scope: Scope
        if isinstance(stage.base, FromStage):
            scope = onward(done[stage.base.index].scope)
        else:
            config = contexts.config_of(stages, index)
            if config.on_build:
                stages = stages.with_triggers(index, config.on_build)
                _refuse(stages.problems, request)
            scope = begin(config)
        done[index] = evaluate(stages, index, scope)
    return stages, list(done.values())


def _key(keys: Keys, vertex: Vertex, drawn: Recipe, request: Request) -> None:
    """A file that is not there, or cannot be fetched, is a problem of its instruction."""
    try:
        keys.add(vertex)
    except (NotThere, BadPattern) as problem:
        raise failure(vertex, request, "SU222", str(problem)) from problem
    except StackupError as problem:
        given = [drawn.vertices[one.vertex].work for one in vertex.inputs]
        if not any(isinstance(work, Source) and isinstance(work.origin, Remote) for work in given):
            raise
        raise failure(vertex, request, "SU223", problem.message, problem.hint) from problem


def failure(vertex: Vertex, request: Request, code: str, detail: str, hint: str = "") -> Unbuildable:
    """A problem of one instruction, with its line."""
    span = vertex.step.command.written.span if vertex.step else None
    found = Diagnostic(code, Severity.ERROR, DOING[code][0], detail, span, hint=hint)
    return Unbuildable((found,), request.source, request.dockerfile)


class Contexts:
    """What builds begin with, opened as it is asked for. Implements `keys.Contents`."""

    def __init__(self, request: Request, bases: Bases, digests: FileDigests | None) -> None:
        self._request = request
        self._bases = bases
        self._digests = digests
        self._open: dict[str, Context] = {}
        self._fetched: dict[Remote, Context | RemoteFile] = {}
        self._commits: dict[Remote, Commit] = {}
        self._images: dict[tuple[str, str], Base] = {}
        self._closing = ExitStack()

    @property
    def opened(self) -> list[Context]:
        """Those that were looked at."""
        return list(self._open.values())

    def close(self) -> None:
        self._closing.close()

    def config_of(self, stages: Stages, index: int) -> ImageConfig:
        stage = stages.stages[index]
        match stage.base:
            case FromImage():
                return self._asked(Source(stage.base, stage.platform), stages).config
            case FromHost():
                return self.base(Source(stage.base)).config
            case FromContext():
                return self.base(Source(stage.base)).config
            case _:
                assert isinstance(stage.base, FromScratch), "stages are evaluated elsewhere"
                return ImageConfig()

    def _asked(self, source: Source, stages: Stages) -> Base:
        """Perhaps a stage was meant."""
        try:
            return self.base(source)
        except StackupError as problem:
            assert isinstance(source.origin, FromImage), "only images are asked for"
            problem.hint = stages.meant(source.origin.reference) or problem.hint
            raise

    def base(self, source: Source) -> Base:
        match source.origin:
            case FromHost():
                return self._known("host", "")
            case FromImage(reference):
                return self._known(reference, str(source.platform or ""))
            case FromContext(name):
                text = self._request.contexts.get(name, "")
                if text.startswith(IMAGE_CONTEXT):
                    return self._known(text.removeprefix(IMAGE_CONTEXT), "")
                return Base(self.selected_of(name, Selection()), ImageConfig(), (layer_of_context(self, name),))
            case _:
                raise Unsupported("a download is no base of an image", subject=str(source.origin))

    def _known(self, reference: str, platform: str) -> Base:
        if (reference, platform) not in self._images:
            self._images[reference, platform] = self._sought(reference, platform)
        return self._images[reference, platform]

    def _sought(self, reference: str, platform: str) -> Base:
        if reference == "host":
            return self._bases.host()
        held = self._request.locked.get(str(movable(reference)), reference)
        return self._bases.image(held, platform)

    def is_image(self, source: Source) -> bool:
        if isinstance(source.origin, FromContext):
            return self._request.contexts.get(source.origin.name, "").startswith(IMAGE_CONTEXT)
        return isinstance(source.origin, FromImage | FromHost)

    def context(self, name: str) -> Context:
        """A folder, read once. The build's own has the .dockerignore that stands beside the Dockerfile."""
        if name not in self._open:
            folder = self._request.contexts[name] if name else self._request.context
            if not folder:
                hint = "name a folder as its context"
                raise UsageError("this build has no context, and takes files from it", subject="context", hint=hint)
            if "://" in folder:
                hint = "fetch it first, and name the folder"
                raise Unsupported(f'the build context "{folder}" cannot be fetched', subject=folder, hint=hint)
            found = Context(folder, None, self._digests, dockerfile="Dockerfile" if name else self._dockerfile(folder))
            self._open[name] = self._closing.enter_context(found)
        return self._open[name]

    def fetched(self, remote: Remote) -> Context | RemoteFile:
        """What ADD takes its files from: all of a commit, or one file. Raises StackupError when it cannot be had."""
        if remote not in self._fetched:
            if remote.is_file:
                found: Context | RemoteFile = RemoteFile(remote, lambda: self._bases.download(remote))
            else:
                found = Context(self.commit(remote).folder, Ignore(()), self._digests)
            self._closing.callback(found.close)
            self._fetched[remote] = found
        return self._fetched[remote]

    def commit(self, remote: Remote) -> Commit:
        """Asked for once a build, so that it is one commit."""
        if remote not in self._commits:
            self._commits[remote] = self._bases.repository(remote)
        return self._commits[remote]

    def _dockerfile(self, folder: str) -> str:
        """How it is called in its context; empty where it is none of its files."""
        beside = os.path.relpath(self._request.source, folder)
        inside = os.path.isabs(self._request.source) and not beside.startswith("../")
        return beside if inside else ""

    def source(self, source: Source) -> str:
        if self.is_image(source):
            return self.base(source).id
        if isinstance(source.origin, Remote):
            return f"remote {source.origin.url}"
        assert isinstance(source.origin, FromContext), "there is no other source"
        return f"context {source.origin.name}"

    def selected(self, vertex: Vertex, selection: Selection) -> str | None:
        match vertex.work:
            case Source(FromContext(name)):
                return self.source(vertex.work) if self.is_image(vertex.work) else self.selected_of(name, selection)
            case Source(Remote() as remote) if remote.keep_git_dir:
                return f"commit {self.commit(remote).name}"  # git notes times there: what counts is the commit
            case Source(Remote() as remote):
                return selection_digest(self.fetched(remote).tree, selection)
            case _:
                return None

    def selected_of(self, name: str, selection: Selection) -> str:
        return selection_digest(self.context(name).tree, selection)


def layer_of_context(contexts: Contexts, name: str, selection: Selection = Selection()) -> str:  # noqa: B008
    """The layer that holds chosen files of a context, where a RUN mounts them or a stage begins with them."""
    content = contexts.selected_of(name, selection)
    return f"sha256:{sha256(f'files of a context {content}'.encode()).hexdigest()}"


__all__ = ["Contexts", "NoFolder", "Outline", "Platform", "failure", "image_id", "layer_of_context", "outline"]
