"""What an image will be before it is built: its id follows from its inputs, so that a plan can name it.

Reads Dockerfiles, contexts and the store, and asks registries about bases that are not here; builds and pulls nothing.
An image that is due is a base for those that come after it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import replace

from stackup.engines.builtin.build import StoreBases, base_of, changed_inputs, digests, is_ours, read_by
from stackup.engines.builtin.recipes import request_of
from stackup.engines.builtin.sources import STDIN, Sources
from stackup.engines.desire.facts import ABSENT, ImageFact
from stackup.images import reference
from stackup.images.build.naming import predicted
from stackup.images.build.outline import Outline, outline
from stackup.images.build.recipe import Remote
from stackup.images.build.request import Base, Commit, Unbuildable
from stackup.images.manifest import parse_image
from stackup.images.store import Store
from stackup.layout import Layout
from stackup.values import Data, Json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.images.download import Download
    from stackup.images.pull import Client


class Foresight:
    """One plan's. Images are asked for in the order in which they are built."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._layout = layout
        self._environ = environ
        self._store = Store(layout.images_dir)
        self._planned: dict[str, Base] = {}
        self._registry = _Registry(environ)
        self._sources = Sources(layout, environ)

    def of(self, form: Data, *, anyway: bool = False) -> ImageFact:
        """Raises Unbuildable with the image's name, and StackupError for a base that cannot be had."""
        name = str(form["name"])
        there = self._store.resolve(name)
        nothing_came = form["context"] == STDIN
        if there is not None and not anyway and (nothing_came or not is_ours(self._layout, name, there)):
            config = parse_image(str(self._store.get(there)["config_text"])).config
            return ImageFact(there, config.healthcheck is not None, tuple(config.volumes))
        local = self._sources.brought_here(form)
        request = request_of(local, self._environ)
        bases = _PlannedBases(self._store, self._sources, self._planned, self._registry, pull=request.pull)
        try:
            drawn = outline(request, bases, digests(self._layout, request))
        except Unbuildable as problem:
            problem.image = name
            raise
        try:
            fact = self._fact(name, form, drawn, bases)
            if local is not form:
                fact = replace(fact, until=0.0)  # a branch may be another commit by then
        finally:
            drawn.close()
        return fact

    def _fact(self, name: str, form: Data, drawn: Outline, bases: _PlannedBases) -> ImageFact:
        reads = read_by(drawn)
        here = self._store.resolve(name)
        image, text = predicted(drawn, self._store)
        due = image != here
        request = drawn.request
        if due and (request.no_cache or request.no_cache_filter):
            again = os.urandom(8).hex()  # so that the layers that are made anew have names before they are made
            form = {**form, "again": again}
            image, text = predicted(replace(drawn, request=replace(request, again=again)), self._store, anew=True)
        _, beneath = drawn.chain(drawn.recipe.result)
        self._planned[reference.parse(name).key] = base_of(image, text, on_host=bool(beneath and beneath.on_host))
        config = parse_image(text).config
        after: list[Json] = [*sorted(bases.used)]
        because = changed_inputs(self._layout, name, reads) if here else ABSENT
        spec: Data = {"name": name, "image": image, "build": form, "after": after, "because": because}
        return ImageFact(
            image,
            config.healthcheck is not None,
            tuple(config.volumes),
            fetch=spec if due else None,
            until=0.0 if bases.asked else float("inf"),
            reads=reads,
        )


class _PlannedBases(StoreBases):
    """What this plan builds, what is here, and what a registry says; `used` are the names of the first."""

    def __init__(
        self,
        store: Store,
        sources: Sources,
        planned: Mapping[str, Base],
        registry: _Registry,
        *,
        pull: bool,
    ) -> None:
        super().__init__(store, sources)
        self._planned = planned
        self._registry = registry
        self._pull = pull
        self.used: set[str] = set()
        self.asked = False

    def image(self, text: str, platform: str) -> Base:
        planned = self._planned.get(_key(text))
        if planned is not None:
            self.used.add(text)
            return planned
        if not self._pull and self._store.resolve(text) is not None:
            return super().image(text, platform)
        self.asked = True
        return self._registry.base(text, platform)

    def repository(self, remote: Remote) -> Commit:
        self.asked = True
        return super().repository(remote)

    def download(self, remote: Remote) -> Download:
        self.asked = True
        return super().download(remote)


def _key(text: str) -> str:
    return text if reference.is_hex_id(text) or text.startswith("sha256:") else reference.parse(text).key


class _Registry:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._client: Client | None = None
        self._lock = threading.Lock()

    def base(self, text: str, platform: str) -> Base:
        """A manifest and a configuration, and no layer."""
        from stackup.images.index import Platform
        from stackup.images.pull import connect, find  # urllib3, TLS: only when a registry is asked

        with self._lock:
            self._client = self._client or connect(self._environ)
        found = find(self._client, reference.parse(text), Platform.parse(platform) if platform else None)
        return base_of(found.image_id, found.config_text)
