"""Digests that names of images have at their registries: as they were pulled or pushed, else asked for. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stackup.errors import RemoteError
from stackup.images import reference
from stackup.images.index import Platform
from stackup.images.locked import Content, platform_of
from stackup.images.manifest import parse_image
from stackup.images.reference import Reference
from stackup.images.store import Store
from stackup.layout import Layout

if TYPE_CHECKING:
    from stackup.images.pull import Found


class HostPins:
    """Implements `engine.Pins`. An image's id is no digest: a registry knows the image by its manifest's."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._store = Store(layout.images_dir)
        self._environ = environ

    def pinned(self, text: str) -> str | None:
        wanted = reference.parse(text)
        if wanted.digest:
            return wanted.key
        digest = self._store.digest_of(text) or self._asked(wanted)
        return str(Reference(wanted.registry, wanted.repository, wanted.tag, digest)) if digest else None

    def here(self, text: str, platform: str) -> Content | None:
        image_id = self._store.resolve(text)
        if image_id is None:
            return None
        image = parse_image(str(self._store.get(image_id)["config_text"]))
        sought = platform_of(platform)
        itself = Platform(image.os, image.architecture, image.variant)
        if image.architecture and not Platform.parse(sought).fit(itself):
            return None
        return Content(self._store.digest_of(text), {sought: image_id})

    def asked(self, text: str, platform: str) -> Content:
        sought = platform_of(platform)
        found = self._find(reference.parse(text), Platform.parse(sought))
        return Content(found.digest, {sought: found.image_id})

    def _asked(self, wanted: Reference) -> str:
        """Its registry's answer; empty when it has none, or may not be asked."""
        try:
            return self._find(wanted, None).digest
        except RemoteError:
            return ""

    def _find(self, wanted: Reference, platform: Platform | None) -> Found:
        from stackup.images.pull import connect, find  # urllib3, TLS: only when a registry is asked

        return find(connect(self._environ), wanted, platform)
