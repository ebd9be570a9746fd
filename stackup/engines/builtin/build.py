"""Builds on this machine: base images from its store, steps in its runtime, the result tagged."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.engines.builtin.build_runner import BuildRunner
from stackup.engines.builtin.contents import Contents
from stackup.engines.builtin.recipes import request_of, surroundings_of, tags_of
from stackup.engines.engine import Standing
from stackup.errors import StackupError, Unsupported
from stackup.images import host
from stackup.images.build.context import FileDigests, load_digests, save_digests
from stackup.images.build.outline import Outline, outline
from stackup.images.build.request import Base, Request, StepBegun, StepDone, Tell
from stackup.images.build.solve import Built, predicted, solve
from stackup.images.manifest import parse_image
from stackup.images.reference import canonical, parse
from stackup.images.store import Store, texts
from stackup.kernel import files
from stackup.layout import Layout
from stackup.values import Data


class StoreBases:
    """Implements `request.Bases` with what is here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def image(self, reference: str, platform: str) -> Base:
        image_id = self._store.resolve(reference)
        if image_id is None:
            hint = f"bring it in with `stackup image import ROOTFS {reference}`, or write FROM host"
            raise StackupError(f'there is no image "{reference}"', subject=reference, hint=hint, code="no-such-image")
        record = self._store.get(image_id)
        text = str(record["config_text"])
        told = json.loads(text).get("history")
        history = tuple(json.dumps(one) for one in told) if isinstance(told, list) else ()
        on_host = record.get("on_host") is True
        return Base(image_id, parse_image(text).config, tuple(texts(record["layers"])), history, on_host)

    def host(self) -> Base:
        found = host.rootfs(self._store)
        if found.binds:
            hint = "build FROM an image, or put the state root on a file system of its own"
            raise Unsupported("FROM host does not work where /usr cannot be a layer", subject="host", hint=hint)
        return Base(found.id, found.config, (found.id,), on_host=True)


class RemoteBases(StoreBases):
    """The same, and what is not here is pulled first: step 0 of the build."""

    def __init__(self, store: Store, environ: Mapping[str, str], tell: Tell) -> None:
        super().__init__(store)
        self._environ = environ
        self._tell = tell

    def image(self, reference: str, platform: str) -> Base:
        if self._store.resolve(reference) is None:
            self._pull(reference, platform)
        return super().image(reference, platform)

    def _pull(self, reference: str, platform: str) -> None:
        from stackup.images.access import Access  # urllib3, TLS: only when a registry is asked
        from stackup.images.index import Platform
        from stackup.images.pull import Client, Puller, find

        label, begun = f"pull {reference}", time.monotonic()
        self._tell(StepBegun(0, label))
        client = Client(Access.from_environment(self._environ, uid=os.geteuid()))
        wanted = Platform.parse(platform) if platform else None
        Puller(self._store).pull(find(client, parse(reference), wanted))
        self._tell(StepDone(0, label, cached=False, seconds=time.monotonic() - begun))


def build(
    layout: Layout,
    request: Request,
    tags: Iterable[str],
    tell: Tell,
    surroundings: Surroundings | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Built:
    """Builds and tags. With `environ`, bases that are not here are pulled. Raises Unbuildable and StackupError."""
    store = Store(layout.images_dir)
    bases = StoreBases(store) if environ is None else RemoteBases(store, environ, tell)
    runner = BuildRunner(layout, surroundings or Surroundings())
    try:
        runner.sweep(store.aside_dir)
        store.sweep()
        with store.writing():
            known = digests(layout, request)
            drawn = outline(request, bases, known)
            try:
                done = _tagged(layout, store, solve(drawn, store, runner, tell), tags)
                files.make_dir(os.path.dirname(_digests_file(layout, request)))
                save_digests(_digests_file(layout, request), known)
                return done
            finally:
                drawn.close()
    finally:
        runner.close()


def _tagged(layout: Layout, store: Store, built: Built, tags: Iterable[str]) -> Built:
    for tag in tags:
        _note_built(layout, store.tag(built.image, tag), built.image)
    return built


def _note_built(layout: Layout, name: str, image: str) -> None:
    """So that an image that takes the name later, from a registry or an archive, is known to be another's."""
    path = _built_file(layout, name)
    files.make_dir(os.path.dirname(path))
    files.write_json(path, _noted(name, image), durable=False)


def _noted(name: str, image: str) -> Data:
    return {"name": canonical(name), "image": image}


def _built_file(layout: Layout, name: str) -> str:
    return os.path.join(layout.state, "build", "images", f"{sha256(name.encode()).hexdigest()[:32]}.json")


class HostBuilder:
    """Implements `engine.Builder`."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._layout = layout
        self._environ = environ

    def look(self, form: Data) -> tuple[Standing, list[str]]:
        """A base that is not here yet is one of the things that make an image due."""
        store = Store(self._layout.images_dir)
        name = str(form["name"])
        there = store.resolve(name)
        if there is not None and files.read_json(_built_file(self._layout, canonical(name))) != _noted(name, there):
            return "foreign", []
        request = request_of(form, self._environ)
        try:
            drawn = outline(request, StoreBases(store), digests(self._layout, request))
        except StackupError as problem:
            if problem.code != "no-such-image":
                raise
            return "due", []
        try:
            return "current" if predicted(drawn, store) == there else "due", read_by(drawn)
        finally:
            drawn.close()

    def build(self, form: Data, tell: Tell) -> str:
        request, around = request_of(form, self._environ), surroundings_of(form, self._environ, Contents(self._layout))
        return build(self._layout, request, tags_of(form), tell, around, environ=self._environ).image


def digests(layout: Layout, request: Request) -> FileDigests:
    return load_digests(_digests_file(layout, request))


def _digests_file(layout: Layout, request: Request) -> str:
    name = sha256(request.context.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return os.path.join(layout.state, "build", "digests", f"{name}.json")


def read_by(drawn: Outline) -> list[str]:
    """Files and folders that a build looks at: a change of one of them can be a change of the image."""
    found = [drawn.request.source] if os.path.isabs(drawn.request.source) else []
    for context in drawn.contexts.opened:
        found.append(context.name)
        found += [os.path.join(context.name, path) for path in context.tree.paths]
    return found
