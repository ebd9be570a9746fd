"""The digests of images that this machine's store knows. Read-only; asks no registry."""

from __future__ import annotations

from stackup.images import reference
from stackup.images.reference import Reference
from stackup.images.store import Store
from stackup.layout import Layout


class StorePins:
    """Implements `engine.Pins`. An image's id is no digest: a registry knows the image by its manifest's."""

    def __init__(self, layout: Layout) -> None:
        self._store = Store(layout.images_dir)

    def pinned(self, text: str) -> str | None:
        wanted = reference.parse(text)
        if wanted.digest:
            return wanted.key
        image = self._store.resolve(text)
        digests = [
            known.digest
            for known, named in ((reference.parse(name), named) for name, named in self._store.tags())
            if image and named == image and known.digest and _same_repository(known, wanted)
        ]
        return str(Reference(wanted.registry, wanted.repository, wanted.tag, min(digests))) if digests else None


def _same_repository(one: Reference, other: Reference) -> bool:
    return (one.registry, one.repository) == (other.registry, other.repository)
