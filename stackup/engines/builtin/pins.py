"""Digests that names of images have at their registries: as they were pulled or pushed, else asked for. Read-only."""

from __future__ import annotations

import os
from collections.abc import Mapping

from stackup.errors import RemoteError
from stackup.images import reference
from stackup.images.reference import Reference
from stackup.images.store import Store
from stackup.layout import Layout


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

    def _asked(self, wanted: Reference) -> str:
        """Its registry's answer; empty when it has none, or may not be asked."""
        from stackup.images.access import Access  # urllib3, TLS: only when a registry is asked
        from stackup.images.pull import Client, find

        try:
            return find(Client(Access.from_environment(self._environ, uid=os.geteuid())), wanted, None).digest
        except RemoteError:
            return ""
