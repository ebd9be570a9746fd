"""Builds on this machine: base images from its store, steps in its runtime, the result tagged."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO

from stackup.engines.builtin import build_site
from stackup.engines.builtin.build_caches import NO_CACHES, Caches, caches_of
from stackup.engines.builtin.build_mounts import Surroundings
from stackup.engines.builtin.build_runner import BuildRunner
from stackup.engines.builtin.contents import Contents
from stackup.engines.builtin.powers import require_root
from stackup.engines.builtin.recipes import request_of, surroundings_of
from stackup.engines.builtin.sources import Sources
from stackup.engines.desire.builds import Wanted, names_of
from stackup.engines.dockerfiles import dockerfile_of
from stackup.errors import HostError, StackupError, Unsupported
from stackup.images import host
from stackup.images.build.caching import restore
from stackup.images.build.context import FileDigests, load_digests, save_digests
from stackup.images.build.leftovers import touch
from stackup.images.build.naming import predicted
from stackup.images.build.outline import Outline, outline
from stackup.images.build.recipe import Remote
from stackup.images.build.request import Base, Commit, Request, StepBegun, StepDone, Tell, Unbuildable
from stackup.images.build.solve import Built, solve
from stackup.images.manifest import parse_image
from stackup.images.reference import canonical, parse
from stackup.images.store import Store, texts
from stackup.kernel import files
from stackup.layout import Layout
from stackup.stamps import holds
from stackup.values import Data

if TYPE_CHECKING:
    from stackup.images.download import Download
    from stackup.stamps import Stamp

_SHOWN = 3


class StoreBases:
    """Implements `request.Bases` with what is here."""

    def __init__(self, store: Store, sources: Sources | None = None) -> None:
        self._store = store
        self._sources = sources

    def image(self, text: str, platform: str) -> Base:
        image_id = self._store.resolve(text)
        if image_id is None:
            hint = f"bring it in with `stackup image import ROOTFS {text}`, or write FROM host"
            raise StackupError(f'there is no image "{text}"', subject=text, hint=hint, code="no-such-image")
        record = self._store.get(image_id)
        layers = tuple(texts(record["layers"]))
        return base_of(image_id, str(record["config_text"]), layers, on_host=record.get("on_host") is True)

    def host(self) -> Base:
        found = host.rootfs(self._store)
        if found.binds:
            require_root()
            hint = "build FROM an image, or put the state root on a file system of its own"
            raise Unsupported("FROM host does not work where /usr cannot be a layer", subject="host", hint=hint)
        return Base(found.id, found.config, (found.id,), on_host=True)

    def repository(self, remote: Remote) -> Commit:
        return self._elsewhere(remote).repository(remote)

    def download(self, remote: Remote) -> Download:
        return self._elsewhere(remote).download(remote.url, remote.checksum, strange=True)

    def _elsewhere(self, remote: Remote) -> Sources:
        if self._sources is None:
            raise Unsupported(f'"{remote.url}" is not fetched here', subject=remote.url)
        return self._sources


def base_of(image_id: str, text: str, layers: tuple[str, ...] = (), *, on_host: bool = False) -> Base:
    """From an image's configuration; its layers are those that it names, unless the store knows better."""
    image = parse_image(text)
    told = json.loads(text).get("history")
    history = tuple(json.dumps(one) for one in told) if isinstance(told, list) else ()
    return Base(image_id, image.config, layers or tuple(map(str, image.diff_ids)), history, on_host)


class RemoteBases(StoreBases):
    """The same, and what is not here is pulled first: step 0 of the build. `pull`: what is here is looked at anew."""

    def __init__(
        self, store: Store, sources: Sources, environ: Mapping[str, str], tell: Tell, *, pull: bool = False
    ) -> None:
        super().__init__(store, sources)
        self._environ = environ
        self._tell = tell
        self._always = pull

    def image(self, text: str, platform: str) -> Base:
        if self._always or self._store.resolve(text) is None:
            self._pull(text, platform)
        return super().image(text, platform)

    def _pull(self, text: str, platform: str) -> None:
        from stackup.images.index import Platform
        from stackup.images.pull import Puller, connect, find  # urllib3, TLS: only when a registry is asked

        label, begun = f"pull {text}", time.monotonic()
        self._tell(StepBegun(0, label))
        wanted = Platform.parse(platform) if platform else None
        Puller(self._store).pull(find(connect(self._environ), parse(text), wanted))
        self._tell(StepDone(0, label, cached=False, seconds=time.monotonic() - begun))


def build(
    layout: Layout,
    request: Request,
    tags: Sequence[str],
    tell: Tell,
    surroundings: Surroundings | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    expected: str = "",
    caches: Caches = NO_CACHES,
) -> Built:
    """Builds and tags; what is not `expected` is not built. With `environ`, bases that are not here are pulled.

    Raises Unbuildable and StackupError.
    """
    store = Store(layout.images_dir)
    bases = StoreBases(store)
    if environ is not None:
        bases = RemoteBases(store, Sources(layout, environ), environ, tell, pull=request.pull)
    runner = BuildRunner(layout, surroundings or Surroundings())
    try:
        build_site.sweep(layout)
        store.sweep()
        with store.writing():
            known = digests(layout, request)
            drawn = outline(request, bases, known)
            try:
                if expected and predicted(drawn, store, anew=True)[0] != expected:
                    raise _moved(tags)
                restore(drawn, store, caches.sources, tell)
                done = solve(drawn, store, runner, tell)
                _keep(layout, store, drawn, done, tags)
                save_digests(_digests_file(layout, request), known)
                touch(store, done.layers.values())
                caches.write(drawn, store, done.layers, tell)
                return done
            finally:
                drawn.close()
    finally:
        runner.close()


def _moved(tags: Sequence[str]) -> StackupError:
    text = f'what "{tags[0]}" is built from has changed since the plan was made'
    return HostError(text, subject=tags[0], hint="run the same command again")


def _keep(layout: Layout, store: Store, drawn: Outline, done: Built, tags: Sequence[str]) -> None:
    """Its names, and what it was made of, so that a plan can say what has changed since."""
    files.make_dir(os.path.dirname(_digests_file(layout, drawn.request)))
    for tag in tags:
        note_built(layout, store.tag(done.image, tag), done.image)
    if tags:
        note = _inputs_file(layout, tags[0])
        files.make_dir(os.path.dirname(note))
        files.write_json(note, read_by(drawn), durable=False)


def note_built(layout: Layout, name: str, image: str) -> None:
    """So that an image that takes the name later, from a registry or an archive, is known to be another's."""
    path = _built_file(layout, name)
    files.make_dir(os.path.dirname(path))
    files.write_json(path, _noted(name, image), durable=False)


def is_ours(layout: Layout, name: str, image: str) -> bool:
    """Whether the image was built here under that name."""
    return bool(files.read_json(_built_file(layout, canonical(name))) == _noted(name, image))


def _noted(name: str, image: str) -> Data:
    return {"name": canonical(name), "image": image}


def _built_file(layout: Layout, name: str) -> str:
    return os.path.join(layout.state, "build", "images", f"{sha256(name.encode()).hexdigest()[:32]}.json")


class HostBuilder:
    """Implements `engine.Builder`."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._layout = layout
        self._environ = environ
        self._sources = Sources(layout, environ)

    def dockerfile(self, form: Data) -> tuple[str, str]:
        return dockerfile_of(self._sources.brought_here(form))

    def receive(self, stream: BinaryIO) -> str:
        return self._sources.receive(stream)

    def build(self, form: Data, wanted: Wanted, tell: Any, expected: str = "") -> tuple[str, int]:
        require_root()
        with Store(self._layout.images_dir).writing():  # from here on no prune takes what was brought here
            return self._build(form, wanted, tell, expected)

    def _build(self, form: Data, wanted: Wanted, tell: Any, expected: str) -> tuple[str, int]:
        request = request_of(self._sources.brought_here(form), self._environ, wanted)
        around = surroundings_of(form, self._environ, Contents(self._layout), wanted)
        try:
            caches, tags = caches_of(form, self._environ), names_of(form)
            done = build(
                self._layout, request, tags, tell, around, environ=self._environ, expected=expected, caches=caches
            )
        except Unbuildable as problem:
            problem.image = str(form["name"])
            raise
        return done.image, done.made


def digests(layout: Layout, request: Request) -> FileDigests:
    return load_digests(_digests_file(layout, request))


def _digests_file(layout: Layout, request: Request) -> str:
    name = sha256(request.context.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return os.path.join(layout.state, "build", "digests", f"{name}.json")


def _inputs_file(layout: Layout, name: str) -> str:
    """What the paths were when the image was last built here."""
    return os.path.join(layout.state, "build", "inputs", f"{sha256(name.encode()).hexdigest()[:32]}.json")


def changed_inputs(layout: Layout, name: str, paths: Collection[str]) -> str:
    """Why the image is due, as far as files can tell."""
    before = files.read_json(_inputs_file(layout, name))
    if not isinstance(before, dict):
        return "its inputs changed"
    changed = [path for path, seen in before.items() if not os.path.isdir(path) and not holds(path, seen)]
    changed += [path for path in paths if path not in before]
    if not changed:
        return "what the file says of it, or its base, changed"
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return f"{', '.join(changed[:_SHOWN])} changed{more}"


def read_by(drawn: Outline) -> dict[str, Stamp | None]:
    """Files and folders that a build looks at, as they were before: a change of one can be a change of the image."""
    found = {drawn.request.source: drawn.request.seen} if os.path.isabs(drawn.request.source) else {}
    for context in drawn.contexts.opened:
        found = {**context.stamps, **found}
    return found
