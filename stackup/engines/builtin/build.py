"""Builds on this machine: base images from its store, steps in its runtime, the result tagged."""

from __future__ import annotations

import json
from collections.abc import Iterable

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.engines.builtin.build_runner import BuildRunner
from stackup.errors import StackupError, Unsupported
from stackup.images import host
from stackup.images.build.outline import Outline, outline
from stackup.images.build.request import Base, Request, Tell
from stackup.images.build.solve import Built, solve
from stackup.images.manifest import parse_image
from stackup.images.store import Store, texts
from stackup.layout import Layout


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


def build(
    layout: Layout, request: Request, tags: Iterable[str], tell: Tell, surroundings: Surroundings | None = None
) -> Built:
    """Builds and tags. Raises Unbuildable and StackupError."""
    store = Store(layout.images_dir)
    runner = BuildRunner(layout, surroundings or Surroundings())
    try:
        runner.sweep(store.aside_dir)
        store.sweep()
        with store.writing():
            drawn = outline(request, StoreBases(store))
            try:
                return _tagged(store, solve(drawn, store, runner, tell), tags)
            finally:
                drawn.close()
    finally:
        runner.close()


def _tagged(store: Store, built: Built, tags: Iterable[str]) -> Built:
    for tag in tags:
        store.tag(built.image, tag)
    return built


__all__ = ["Outline", "StoreBases", "build"]
