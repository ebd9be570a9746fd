"""What the built-in engine knows of images, files and variables when a stack is translated. Read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from stackup.engines.desire.facts import ImageFact
from stackup.images import reference
from stackup.images.store import Store
from stackup.layout import Layout

HOST = "host"


class HostFacts:
    """Implements `desire.facts.Facts`."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._store = Store(layout.images_dir)
        self._environ = environ

    def image(self, text: str) -> ImageFact | None:
        if reference.is_host(text):
            return ImageFact(HOST)
        image_id = self._store.resolve(text)
        if image_id is None:
            return None
        config = self._store.rootfs(image_id).config
        return ImageFact(image_id, config.healthcheck is not None, tuple(config.volumes))

    def file_digest(self, path: str) -> str | None:
        try:
            with open(path, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None

    def variable(self, name: str) -> str | None:
        return self._environ.get(name)
