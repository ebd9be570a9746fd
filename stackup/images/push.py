"""An image of the store becomes one of a registry: the same bytes wherever they can still be had.

A layer that came from a registry is there already, or mounted from another repository, or carried over from where it
came from. One that exists as a directory only is packed: the same tree gives the same bytes. When that is not the
archive that the layer was once made from, the configuration that goes along names the new one, and so has another id.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackup.errors import RemoteError, UsageError
from stackup.images import origin
from stackup.images.index import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest, digest_of, parse
from stackup.images.manifest import parse_image
from stackup.images.packing import Packed
from stackup.images.pull import PARALLEL, Blob, Client, Told, tell_nobody
from stackup.images.store import Store

if TYPE_CHECKING:
    from stackup.images.reference import Reference
    from stackup.images.registry import Registry
    from stackup.values import Data

PIECE = 8 << 20
"""Bytes of one piece of an upload whose size is not known."""
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the registry has now. `changed`: under another id than here, since layers had to be packed anew."""

    digest: str
    image_id: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Known:
    """The manifest that an image came with, and the repository where its blobs are."""

    manifest: Manifest
    text: bytes
    media_type: str
    registry: str
    repository: str


def known_of(store: Store, image_id: str) -> Known | None:
    for note in origin.kept(store, image_id):
        text, kind = str(note["text"]).encode(), str(note["media_type"])
        manifest = parse(text, kind)
        if isinstance(manifest, Manifest) and manifest.config.digest == image_id:
            registry, _, repository = str(note["repository"]).partition("/")
            return Known(manifest, text, kind, registry, repository)
    return None


class Pusher:
    """One push. `told` hears of every layer."""

    def __init__(self, store: Store, client: Client, reference: Reference, told: Told = tell_nobody) -> None:
        self._store = store
        self._client = client
        self._reference = reference
        self._registry: Registry = client.registry(reference.registry)
        self._told = told
        self._slots = threading.Semaphore(PARALLEL)

    def push(self) -> Pushed:
        """Raises UsageError when there is no such image here, RemoteError when the registry does not take it."""
        reference = self._reference
        image_id = self._store.resolve(str(reference))
        if image_id is None or reference.digest:
            hint = "see `stackup image ls`" if not reference.digest else "push a tag: the digest follows from it"
            raise UsageError(f"no such image: {reference.familiar}", subject=reference.familiar, hint=hint)
        record = self._store.get(image_id)
        if record.get("on_host") is True:
            text = f'"{reference.familiar}" stands on this machine\'s own /usr'
            raise UsageError(text, subject=reference.familiar, hint="build it FROM an image instead of FROM host")
        text = str(record["config_text"])
        known = known_of(self._store, image_id)
        diff_ids = [str(digest) for digest in parse_image(text).diff_ids]
        old = known.manifest.layers if known else (None,) * len(diff_ids)
        with ThreadPoolExecutor(max(1, len(diff_ids))) as workers:
            sent = list(workers.map(lambda pair: self._layer(known, *pair), zip(old, diff_ids, strict=True)))
        return self._finish(image_id, text, known, sent)

    def _finish(self, image_id: str, text: str, known: Known | None, sent: list[tuple[Descriptor, str]]) -> Pushed:
        """The configuration and the manifest: those it came with where every layer is as it was."""
        layers, diff_ids = tuple(layer for layer, _ in sent), [diff_id for _, diff_id in sent]
        config = _with_layers(text, diff_ids).encode()
        same = known is not None and known.manifest.layers == layers and digest_of(config) == image_id
        if known is not None and same:
            manifest, kind = known.text, known.media_type
        else:
            described = Descriptor(OCI_CONFIG, digest_of(config), len(config))
            manifest, kind = Manifest(described, layers).to_text(), OCI_MANIFEST
        repository = self._reference.repository
        if not self._registry.has_blob(repository, digest_of(config)):
            self._registry.upload(repository, self._registry.begin(repository), digest_of(config), config, len(config))
        self._registry.put_manifest(repository, self._reference.tag, manifest, kind)
        if digest_of(config) == image_id:
            self._keep(image_id, manifest, kind)
        return Pushed(digest_of(manifest), digest_of(config), digest_of(config) != image_id)

    def _keep(self, image_id: str, manifest: bytes, kind: str) -> None:
        name = self._reference
        note: Data = {
            "text": manifest.decode(),
            "media_type": kind,
            "repository": f"{name.registry}/{name.repository}",
        }
        origin.keep(self._store, image_id, digest_of(manifest), note)
        self._store.tag(image_id, str(name), digest=digest_of(manifest))

    def _layer(self, known: Known | None, layer: Descriptor | None, diff_id: str) -> tuple[Descriptor, str]:
        """The blob that the registry has now, and the diff id of what it unpacks to."""
        with self._slots:
            if known is not None and layer is not None and self._as_it_was(known, layer):
                self._told(layer.digest, layer.size, layer.size)
                return layer, diff_id
            return send_packed(self._registry, self._reference.repository, Packed(self._store, diff_id), self._told)

    def _as_it_was(self, known: Known, layer: Descriptor) -> bool:
        repository = self._reference.repository
        if self._registry.has_blob(repository, layer.digest):
            return True
        near = known.registry == self._reference.registry and known.repository != repository
        place = self._registry.begin(repository, mount=layer.digest if near else "", source=known.repository)
        return not place or self._carry(known, layer, place)

    def _carry(self, known: Known, layer: Descriptor, place: str) -> bool:
        """From the registry where it came from, verified on its way; False when it cannot be had there any more."""
        source = self._client.registry(known.registry)
        try:
            source.blob(known.repository, layer.digest).close()
        except RemoteError:
            return False
        blob = Blob(source, known.repository, layer, self._client.pause, self._told)
        try:
            self._registry.upload(self._reference.repository, place, layer.digest, _pieces(blob), layer.size)
        finally:
            blob.close()
        return True


def send_packed(
    registry: Registry, repository: str, packed: Packed, told: Told = tell_nobody
) -> tuple[Descriptor, str]:
    """In pieces, as it is packed: neither its size nor its digest is known before its end."""
    place, offset, pending = registry.begin(repository), 0, bytearray()
    for chunk in packed:
        pending += chunk
        if len(pending) >= PIECE:
            place = registry.append(repository, place, bytes(pending), offset)
            offset += len(pending)
            pending.clear()
            told(packed.layer, offset, offset + PIECE)
    if pending:
        place = registry.append(repository, place, bytes(pending), offset)
    registry.upload(repository, place, packed.digest, b"", 0)
    told(packed.layer, packed.size, packed.size)
    return packed.blob, packed.diff_id


def _pieces(blob: Blob) -> Iterator[bytes]:
    while piece := blob.read(_CHUNK):
        yield piece
    blob.finish()


def _with_layers(text: str, diff_ids: list[str]) -> str:
    """The configuration as it is, unless a layer is another one now."""
    data = json.loads(text)
    if data["rootfs"]["diff_ids"] == diff_ids:
        return text
    data["rootfs"] = {**data["rootfs"], "diff_ids": diff_ids}
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
