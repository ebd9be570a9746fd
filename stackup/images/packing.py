"""A layer as the archive that others unpack: gzip, the same bytes on every machine."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

from stackup.images.index import OCI_LAYER, Descriptor
from stackup.images.store import Store
from stackup.images.tape import layer_archive


class Packed:
    """A layer's archive as gzip; after the last chunk its digests and its size are known."""

    def __init__(self, store: Store, layer: str) -> None:
        self.layer = layer
        self._archive = layer_archive(store, layer)
        self._inner, self._outer = hashlib.sha256(), hashlib.sha256()
        self.size = 0

    @property
    def diff_id(self) -> str:
        return f"sha256:{self._inner.hexdigest()}"

    @property
    def digest(self) -> str:
        return f"sha256:{self._outer.hexdigest()}"

    @property
    def blob(self) -> Descriptor:
        return Descriptor(OCI_LAYER, self.digest, self.size)

    def __iter__(self) -> Iterator[bytes]:
        """zlib, not isal: its bytes are the same on every machine."""
        deflate = zlib.compressobj(wbits=31)
        for chunk in self._archive:
            self._inner.update(chunk)
            yield from self._out(deflate.compress(chunk))
        yield from self._out(deflate.flush())

    def _out(self, data: bytes) -> Iterator[bytes]:
        if data:
            self._outer.update(data)
            self.size += len(data)
            yield data
