"""Where a build's cache can be: under a name at a registry, or in a folder that is an OCI image layout.

A folder is a stack file's word, and what is in it may be anybody's: it is read and written beneath its descriptor.
Source: OCI image-spec v1.1, image-layout.md.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader

from stackup.errors import HostError, KernelError, RemoteError
from stackup.images.build.caching import Opened
from stackup.images.index import OCI_INDEX, OCI_MANIFEST, TEXT_MAX, Descriptor, descriptor, digest_of, object_of
from stackup.images.packing import Packed
from stackup.images.pull import Blob, Client, tell_nobody
from stackup.images.push import send_packed
from stackup.images.reference import Reference
from stackup.images.refusal import ManifestInvalid, disk
from stackup.images.registry import check, wrong_digest
from stackup.images.saving import REF_NAME
from stackup.kernel.resolve import make_dirs, open_confined
from stackup.values import Data, Json

_INDEX = "index.json"
_BLOBS = "blobs/sha256"
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class RegistryShelf:
    """Implements `caching.Shelf`. No mirror is asked: they mirror images."""

    def __init__(self, client: Client, reference: Reference) -> None:
        self.name = reference.familiar
        self._client = client
        self._reference = reference
        self._registry = client.registry(reference.registry)

    def manifest(self) -> bytes:
        return self._registry.manifest(self._reference.repository, self._reference.digest or self._reference.tag).text

    def text(self, blob: Descriptor) -> bytes:
        return self._registry.small_blob(self._reference.repository, blob.digest, blob.size)

    def open(self, blob: Descriptor) -> Opened:
        return Blob(self._registry, self._reference.repository, blob, self._client.pause, tell_nobody)

    def has(self, blob: Descriptor) -> bool:
        return self._registry.has_blob(self._reference.repository, blob.digest)

    def put(self, packed: Packed) -> None:
        send_packed(self._registry, self._reference.repository, packed)

    def publish(self, manifest: bytes, config: bytes) -> None:
        repository, digest = self._reference.repository, digest_of(config)
        if not self._registry.has_blob(repository, digest):
            self._registry.upload(repository, self._registry.begin(repository), digest, config, len(config))
        self._registry.put_manifest(repository, self._reference.tag, manifest, OCI_MANIFEST)


class FolderShelf:
    """Implements `caching.Shelf`. Several caches lie in one folder under tags; nothing in it is ever removed."""

    def __init__(self, folder: str, tag: str) -> None:
        self.name = folder
        self._tag = tag

    def manifest(self) -> bytes:
        with self._root() as root_fd:
            found = [item for item in _entries(_read(root_fd, _INDEX, TEXT_MAX)) if _tag_of(item) == self._tag]
        if not found:
            raise HostError(f'it has no tag "{self._tag}"', subject=self.name)
        return self.text(descriptor(found[-1], "manifests"))

    def text(self, blob: Descriptor) -> bytes:
        with self._root() as root_fd:
            text = _read(root_fd, _path(blob.digest), min(blob.size, TEXT_MAX))
        check(text, blob.digest, self.name)
        return text

    def open(self, blob: Descriptor) -> Opened:
        with self._root() as root_fd:
            return _File(_open(root_fd, _path(blob.digest)), blob, self.name)

    def has(self, blob: Descriptor) -> bool:
        try:
            with self._root() as root_fd, _open(root_fd, _path(blob.digest)) as file:
                return os.fstat(file.fileno()).st_size == blob.size
        except HostError:
            return False

    def put(self, packed: Packed) -> None:
        """Named when it is known what it is called."""
        with self._root(make=True) as root_fd, disk(self.name):
            _keep(root_fd, packed, lambda: packed.digest)

    def publish(self, manifest: bytes, config: bytes) -> None:
        """One at a time: others may be writing their tags."""
        with self._root(make=True) as root_fd, disk(self.name):
            fcntl.flock(root_fd, fcntl.LOCK_EX)
            _keep(root_fd, (config,), lambda: digest_of(config))
            _keep(root_fd, (manifest,), lambda: digest_of(manifest))
            try:
                others = [item for item in _entries(_read(root_fd, _INDEX, TEXT_MAX)) if _tag_of(item) != self._tag]
            except HostError:
                others = []
            own = Descriptor(OCI_MANIFEST, digest_of(manifest), len(manifest)).to_data()
            entries: list[Json] = [*others, {**own, "annotations": {REF_NAME: self._tag}}]
            index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, sort_keys=True)
            _write(root_fd, (_LAYOUT,), lambda: "oci-layout")
            _write(root_fd, (index.encode(),), lambda: _INDEX)

    @contextmanager
    def _root(self, *, make: bool = False) -> Iterator[int]:
        with disk(self.name):
            if make:
                os.makedirs(self.name, exist_ok=True)
            fd = os.open(self.name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)


@dataclass(slots=True)
class _File:
    """A blob that is a file; implements `caching.Opened`."""

    file: BufferedReader
    blob: Descriptor
    subject: str
    _hash: hashlib._Hash = field(init=False)
    _size: int = 0

    def __post_init__(self) -> None:
        self._hash = hashlib.new(self.blob.digest.partition(":")[0])

    def read(self, size: int, /) -> bytes:
        """One byte more than it should have is enough to know."""
        with disk(self.subject):
            piece = self.file.read(min(size, self.blob.size + 1 - self._size))
        self._hash.update(piece)
        self._size += len(piece)
        return piece

    def finish(self) -> None:
        while self.read(1 << 16):
            pass
        if self._size != self.blob.size or self._hash.hexdigest() != self.blob.digest.partition(":")[2]:
            raise wrong_digest(self.blob.digest, self.subject)

    def close(self) -> None:
        self.file.close()


def _entries(text: bytes) -> list[Data]:
    found = object_of(text).get("manifests")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ManifestInvalid("its index is not the one of an image layout")
    return [item for item in found if isinstance(item, dict)]


def _tag_of(item: Data) -> str:
    notes = item.get("annotations")
    return str(notes.get(REF_NAME, "")) if isinstance(notes, dict) else ""


def _path(digest: str) -> str:
    if not digest.startswith("sha256:"):
        raise RemoteError(f'"{digest}" is no sha256 digest', subject=digest)
    return f"{_BLOBS}/{digest.removeprefix('sha256:')}"


def _read(root_fd: int, path: str, limit: int) -> bytes:
    """At most one byte more than the limit, which is then too long to be right."""
    with _open(root_fd, path) as file, disk(path):
        return file.read(limit + 1)


def _open(root_fd: int, path: str) -> BufferedReader:
    try:
        fd = open_confined(root_fd, path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except KernelError as problem:
        why = "there is no" if problem.errno in (errno.ENOENT, errno.ENOTDIR) else "cannot read"
        raise HostError(f'{why} "{path}" in it', subject=path) from problem
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise HostError(f'"{path}" in it is no file', subject=path)
    return os.fdopen(fd, "rb")


def _keep(root_fd: int, pieces: Iterable[bytes], digest: Callable[[], str]) -> None:
    """A blob, under the digest that is known after its last piece."""
    folder_fd = make_dirs(root_fd, _BLOBS)
    try:
        _write(folder_fd, pieces, lambda: digest().removeprefix("sha256:"))
    finally:
        os.close(folder_fd)


def _write(folder_fd: int, pieces: Iterable[bytes], name: Callable[[], str]) -> None:
    """Aside, then under its name. Not synced: what a power cut leaves is found out by its digest."""
    aside = f".{os.urandom(8).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(aside, flags, 0o644, dir_fd=folder_fd), "wb") as file:
            for piece in pieces:
                file.write(piece)
        os.rename(aside, name(), src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=folder_fd)
        raise
