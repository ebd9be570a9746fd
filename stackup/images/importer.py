"""A root file system from outside becomes an image: a directory, a tar file (gzip, zstd, xz or plain) or a stream.

The same tree and the same changes give the same image id, so importing twice changes nothing. Nothing is visible in the
store before all of it is there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stackup.errors import UsageError
from stackup.images import reference as references
from stackup.images.archive import pack_directory
from stackup.images.changes import apply_changes
from stackup.images.compression import ByteSource
from stackup.images.index import Platform
from stackup.images.manifest import Image, ImageConfig
from stackup.images.publishing import Draft
from stackup.images.refusal import disk
from stackup.images.store import Store
from stackup.images.stream import HashedStream
from stackup.images.tape import Recorder
from stackup.images.tar import Limits
from stackup.images.unpack import Unpacked, unpack
from stackup.values import Digest

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Imported:
    """An image that is in the store now; `skipped` are things of the archive that this user or disk cannot hold."""

    id: str
    reference: str
    layer: str
    skipped: tuple[str, ...] = ()


def import_rootfs(
    store: Store, source: str | ByteSource, reference: str, changes: Iterable[str] = (), limits: Limits | None = None
) -> Imported:
    """Imports a path or an open stream under `reference`. Raises ArchiveRefused, HostError, UsageError."""
    references.parse(reference)
    config = apply_changes(ImageConfig(env=(PATH,)), changes)
    with store.writing():
        layer, skipped = import_layer(store, source, limits)
        image = Image(config, (Digest.parse(layer),), architecture())
        image_id = store.add_image(image.to_text(), (layer,), created=time.time())
        return Imported(image_id, store.tag(image_id, reference), layer, skipped)


def import_layer(store: Store, source: str | ByteSource, limits: Limits | None = None) -> tuple[str, tuple[str, ...]]:
    """One layer from a directory, an archive or a stream: its diff id, and what was left out."""
    if not isinstance(source, str):
        return unpack_layer(store, source, "the archive", limits)
    if os.path.isdir(source):
        return _import_directory(store, source, limits)
    with disk(source), open(source, "rb", buffering=0) as file:
        return unpack_layer(store, file, source, limits)


def _any(_: str) -> None:
    """What comes from a file has no digest to be held against."""


def unpack_layer(
    store: Store, source: ByteSource, subject: str, limits: Limits | None = None, verify: Callable[[str], None] = _any
) -> tuple[str, tuple[str, ...]]:
    """Unpacks into a draft and commits it under the digest of the uncompressed stream, unless `verify` raises."""
    with store.draft() as draft:
        layer, unpacked = fill_draft(draft, source, subject, limits)
        verify(layer)
        draft.commit(layer, size=unpacked.size, opaque_root=unpacked.opaque_root)
    return layer, unpacked.skipped


def fill_draft(draft: Draft, source: ByteSource, subject: str, limits: Limits | None = None) -> tuple[str, Unpacked]:
    """Unpacks an archive with its tape; the layer's id, and what `commit` needs to know of it."""
    stream = HashedStream(source, subject)
    try:
        with disk(draft.path), draft.tape() as file:
            tape = Recorder(file)
            unpacked = unpack(
                stream,
                draft.fs_fd,
                limits=limits or limits_of(draft.fs_fd),
                privileged=os.geteuid() == 0,
                tape=tape,
            )
            tape.finish()
        layer = stream.digest()
    finally:
        stream.close()
    if unpacked.replaced:
        draft.drop_tape()
    return layer, unpacked


def limits_of(dir_fd: int) -> Limits:
    """No archive may take more than nine tenths of the disk's free space."""
    space = os.fstatvfs(dir_fd)
    return Limits(size=min(Limits().size, space.f_bavail * space.f_frsize * 9 // 10))


def architecture() -> str:
    """This machine's, as images spell it."""
    return Platform.here().architecture


def _import_directory(store: Store, source: str, limits: Limits | None) -> tuple[str, tuple[str, ...]]:
    inside = os.path.realpath(store.dir) + "/"
    if inside.startswith(os.path.realpath(source).rstrip("/") + "/"):
        raise UsageError(f'"{source}" contains the image store itself', subject=source, hint="name a directory below")
    with disk(source):
        root_fd = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return unpack_layer(store, Packed(pack_directory(root_fd)), source, limits)
    finally:
        os.close(root_fd)


class Packed:
    """Chunks as something to read from: a directory as the tar stream that it would be."""

    __slots__ = ("_chunks", "_rest")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        self._rest = self._rest or next(self._chunks, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
