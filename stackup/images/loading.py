"""Images out of an archive, from a file or a pipe: `docker save`, an OCI layout, and what skopeo and podman write.

One pass, no seeking, nothing spooled: what is a layer is unpacked as it comes by, into a draft, and is committed only
when a configuration that belongs to it was found. So an archive whose parts do not fit one another leaves nothing, and
a layer is what its digest in the configuration says (T11). Names are handed back: whom they name is the caller's
decision (T17).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256

from stackup.images import layout
from stackup.images.compression import MAGIC_BYTES, ByteSource, decompressed, detect
from stackup.images.importer import fill_draft
from stackup.images.index import digest_of
from stackup.images.layout import Found
from stackup.images.manifest import created_of, parse_image
from stackup.images.publishing import Draft
from stackup.images.refusal import ArchiveRefused, ManifestInvalid, disk
from stackup.images.saving import OURS
from stackup.images.store import Store
from stackup.images.tar import BLOCK, Entry, Limits, TarReader
from stackup.images.unpack import Unpacked

_TEXT_MAX = 4 << 20
_OURS_MAX = 16 << 20
_TEXTS_MAX = 64 << 20
_LAYERS_MAX = 256
"""Each is an open draft; no image has more than 127."""
_HOPS_MAX = 8
_PLAIN = ("oci-layout", "repositories", "VERSION", "version")


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image that is in the store now, and the names that the archive has for it, in full."""

    image_id: str
    references: tuple[str, ...]
    skipped: tuple[str, ...]


Agree = Callable[[Mapping[str, bytes], frozenset[str]], None]
"""Sees an archive's descriptions, by path, and the ids of its images before the first of them is kept; may raise."""


def agree_to_all(texts: Mapping[str, bytes], images: frozenset[str]) -> None:
    return None


def load(
    store: Store, source: ByteSource, subject: str, limits: Limits | None = None, agree: Agree = agree_to_all
) -> tuple[Loaded, ...]:
    """All images of an archive, none of them named yet: call it within `store.writing()`."""
    with ExitStack() as drafts:
        members = _Members(store, drafts)
        with disk(subject):
            reader = TarReader(decompressed(source), limits or Limits())
            for entry in reader:
                members.add(entry, reader)
        found = layout.images(members.texts, members.real)
        if not found:
            raise ArchiveRefused(
                f'"{subject}" has no images in it',
                subject=subject,
                hint="a root file system? see: stackup image import",
            )
        for image in found:
            members.check(image)  # all of them before the first is kept
        agree(members.texts, frozenset(digest_of(image.config.encode()) for image in found))
        return tuple(members.keep(image) for image in found)


@dataclass(slots=True)
class _Layer:
    draft: Draft
    diff_id: str
    unpacked: Unpacked
    committed: bool = False


@dataclass(slots=True)
class _Members:
    """What has come by: texts and layers by their path, and links from one path to another."""

    store: Store
    drafts: ExitStack
    texts: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, _Layer] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def add(self, entry: Entry, reader: TarReader) -> None:
        if entry.path in self.texts or entry.path in self.layers or entry.path in self.links:
            raise ArchiveRefused(f'"{entry.path}" is in the archive twice', subject=entry.path)
        if entry.path.startswith(f"{OURS}/"):
            self._ours(entry, reader)
        elif entry.kind == "symlink":
            self.links[entry.path] = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), entry.link))
        elif entry.kind == "hardlink":
            self.links[entry.path] = entry.link
        elif entry.kind == "file" and entry.size:
            member = _Member(reader.data())
            if _is_layer(entry.path, member.peek(BLOCK)):
                self._unpack(entry.path, member)
            else:
                self._read(entry, member)

    def real(self, path: str) -> str:
        """Where a path leads to within the archive."""
        for _ in range(_HOPS_MAX):
            if path not in self.links:
                return path
            path = self.links[path]
        raise ArchiveRefused(f'"{path}" is a link in a circle', subject=path)

    def check(self, image: Found) -> None:
        """Raises unless its layers are those that its configuration lists, in that order."""
        listed = [str(digest) for digest in parse_image(image.config).diff_ids]
        there = [self._layer(path).diff_id for path in image.layers]
        if listed != there:
            wrong = next((one for one in listed if one not in there), "") or "another order"
            raise ManifestInvalid(
                f"the layers in the archive are not those that the image's configuration lists: {wrong}", subject=wrong
            )

    def keep(self, image: Found) -> Loaded:
        layers = [self._layer(path) for path in image.layers]
        for layer in layers:
            if not layer.committed:
                layer.committed = True
                done = layer.unpacked
                layer.draft.commit(layer.diff_id, size=done.size, opaque_root=done.opaque_root)
        ids = tuple(layer.diff_id for layer in layers)
        image_id = self.store.add_image(image.config, ids, created=created_of(image.config))
        return Loaded(image_id, image.references, tuple(note for one in layers for note in one.unpacked.skipped))

    def _layer(self, path: str) -> _Layer:
        found = self.layers.get(self.real(path))
        if found is None:
            raise ManifestInvalid(f'the archive has no layer "{path}"', subject=path)
        return found

    def _unpack(self, path: str, member: _Member) -> None:
        if len(self.layers) >= _LAYERS_MAX:
            raise ArchiveRefused(f"the archive has more than {_LAYERS_MAX} layers")
        draft = self.store.draft()
        self.drafts.callback(draft.close)
        self.layers[path] = _Layer(draft, *fill_draft(draft, member, path))

    def _ours(self, entry: Entry, reader: TarReader) -> None:
        if entry.kind not in ("file", "directory"):
            raise ArchiveRefused(f'"{entry.path}" is a {entry.kind}, and only files belong there', subject=entry.path)
        if entry.kind == "file":
            self._read(entry, _Member(reader.data()), _OURS_MAX)

    def _read(self, entry: Entry, member: _Member, most: int = _TEXT_MAX) -> None:
        self.size += entry.size
        if entry.size > most or self.size > _TEXTS_MAX:
            raise ArchiveRefused(f'"{entry.path}" is no layer and too large for a description', subject=entry.path)
        text = b"".join(member.rest())
        name = posixpath.basename(entry.path)
        if entry.path.startswith("blobs/sha256/") and sha256(text).hexdigest() != name:
            raise ManifestInvalid(f'"{entry.path}" has another content than its name says', subject=entry.path)
        self.texts[entry.path] = text


class _Member:
    """One file of an archive as something to read from, whose first bytes can be looked at."""

    __slots__ = ("_head", "_pieces")

    def __init__(self, pieces: Iterable[memoryview]) -> None:
        self._pieces: Iterator[bytes] = (bytes(piece) for piece in pieces)
        self._head = b""

    def peek(self, size: int) -> bytes:
        while len(self._head) < size and (piece := next(self._pieces, b"")):
            self._head += piece
        return self._head[:size]

    def read(self, size: int, /) -> bytes:
        self._head = self._head or next(self._pieces, b"")
        piece, self._head = self._head[:size], self._head[size:]
        return piece

    def rest(self) -> Iterator[bytes]:
        yield self._head
        yield from self._pieces


def _is_layer(path: str, head: bytes) -> bool:
    """Compressed, or with a tar header: descriptions are JSON, which has no magic of tar's in that place."""
    if path in _PLAIN or posixpath.basename(path) in _PLAIN:
        return False
    return detect(head[:MAGIC_BYTES]) != "none" or head[257:262] == b"ustar" or head.lstrip()[:1] not in (b"{", b"[")
