"""What the built-in engine knows of images, files and variables when a stack is translated. Read-only."""

from __future__ import annotations

import hashlib
import os
import stat
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
        """Of a regular file only: reading a device or a pipe may never end."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError):
            return None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            with open(fd, "rb", closefd=False) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None
        finally:
            os.close(fd)

    def variable(self, name: str) -> str | None:
        return self._environ.get(name)
