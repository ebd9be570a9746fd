"""Adding to the store: written aside, synced, renamed, under the lock that removers wait for.

Who adds several things that belong together says so with `Writing`: until it ends, layers that no image has yet and
images that no name has yet are not taken for rubbish.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from stackup.images import locks
from stackup.images.reference import parse
from stackup.images.refusal import disk
from stackup.images.store import FS, MARKER, SCHEMA, TAPE, Store
from stackup.kernel import files
from stackup.kernel.resolve import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedWriter
    from types import TracebackType

    from stackup.values import Data

_DIRECTORIES = ("layers", "images", "tags", "manifests", "aside")


def draft(store: Store) -> Draft:
    prepare(store)
    store.sweep()
    return Draft(store)


def add_image(store: Store, config_text: str, layers: tuple[str, ...], *, created: float, on_host: bool = False) -> str:
    """One that is there is written again: younger than a `Writing` of now, it is safe until it has its name."""
    from hashlib import sha256  # 3 ms, for images only

    image_id = f"sha256:{sha256(config_text.encode()).hexdigest()}"
    prepare(store)
    with disk(store.dir), store.held():
        markers = [store.marker(layer) for layer in layers]
        there = files.read_json(store.image_file(image_id)) or {}
        record: Data = {
            "id": image_id, "created": there.get("created", created), "config_text": config_text,
            "size": sum(int(str(marker["size"])) for marker in markers),
            "layers": list(layers), "lowers": list(_lowers(layers, markers)),
        }  # fmt: skip
        record |= {"on_host": True} if on_host else {}
        write_json(store, store.image_file(image_id), {**there, **record})
    return image_id


def tag(store: Store, image_id: str, reference: str, *, digest: str) -> str:
    key = parse(reference).key
    said: Data = {"digest": digest} if digest else {}
    with disk(store.dir):
        prepare(store)
        with store.held():
            store.get(image_id)
            write_json(store, store.tag_file(key), {"reference": key, "image": image_id, **said})
    return key


def write_note(store: Store, name: str, data: Data) -> None:
    prepare(store)
    with disk(store.dir), store.held():
        write_json(store, os.path.join(store.dir, name), data)


def write_json(store: Store, path: str, data: Data) -> None:
    """Under the lock, shared: a sweeper takes it exclusively, so it cannot see this file half written."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    aside = os.path.join(store.aside_dir, f"{os.urandom(8).hex()}.json")
    files.write_json(path, {"schema": SCHEMA, **data}, aside=aside)


def prepare(store: Store) -> None:
    with disk(store.dir):
        os.makedirs(store.dir, mode=0o700, exist_ok=True)
        for name in _DIRECTORIES:
            try:
                os.mkdir(os.path.join(store.dir, name), 0o700)
            except FileExistsError:
                continue


class Writing:
    """A locked directory aside, whose age and whose lock removers look at; it ends with its process."""

    __slots__ = ("_fd", "_path", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = ""
        self._fd = -1

    def __enter__(self) -> None:
        prepare(self._store)
        self._path, self._fd = _locked(self._store)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            os.rmdir(self._path)
        except OSError:
            pass  # the next writer sweeps
        os.close(self._fd)


def _locked(store: Store) -> tuple[str, int]:
    """A new directory aside and its lock, both there at once for whoever sweeps."""
    path = os.path.join(store.aside_dir, os.urandom(8).hex())
    with disk(store.dir), store.held():
        os.mkdir(path, 0o700)
        try:
            return path, locks.hold(path)
        except OSError:
            os.rmdir(path)
            raise


class Draft:
    """A layer being written. `fs_fd` is its empty root; `commit` gives it its final name; leaving discards it."""

    __slots__ = ("_lock_fd", "_store", "fs_fd", "path")

    def __init__(self, store: Store) -> None:
        self._store = store
        self.path, self._lock_fd = _locked(store)
        self.fs_fd = -1
        try:
            with disk(store.dir):
                os.mkdir(os.path.join(self.path, FS), 0o755)
                self.fs_fd = os.open(os.path.join(self.path, FS), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self.fs_fd >= 0:
            os.close(self.fs_fd)
        try:
            remove_aside(self._store, os.path.basename(self.path))
        except OSError:
            pass  # the error under way says more, and the next writer sweeps
        os.close(self._lock_fd)

    def tape(self) -> BufferedWriter:
        """Where the way back to the layer's archive is written; it belongs to the layer."""
        with disk(self.path):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            return open(os.open(os.path.join(self.path, TAPE), flags, 0o600), "wb")

    def drop_tape(self) -> None:
        """There is no way back: the archive said something that its tree does not."""
        files.remove(os.path.join(self.path, TAPE))

    def commit(self, layer: str, *, size: int, opaque_root: bool = False, cache: bool = False) -> None:
        """Publishes under the layer's id. Another process that was first with the same content wins.

        `cache`: the result of a build's step, kept for the next build also where no image has it.
        """
        from stackup.kernel.calls import syncfs  # ctypes

        target = self._store.layer_home(layer)
        with disk(self.path):
            syncfs(self.fs_fd)  # once for thousands of files; the marker must not be on disk before them
            marker: Data = {"schema": SCHEMA, "diff_id": layer, "size": size, "opaque_root": opaque_root}
            marker |= {"cache": True} if cache else {}
            files.write_json(os.path.join(self.path, MARKER), marker)
        with disk(target), self._store.held():
            done = self._publish(target)
        if not done and not self._store.has_layer(layer):
            with disk(target), locks.exclusive(self._store.lock_file):
                os.rename(target, f"{self.path}.broken")  # for the next sweep
                self._publish(target)

    def _publish(self, target: str) -> bool:
        try:
            os.rename(self.path, target)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
            return False
        files.sync_dir(os.path.dirname(target))
        return True


def remove_aside(store: Store, name: str) -> None:
    """A file or a whole tree, by descriptor; what is gone is fine."""
    fd = os.open(store.aside_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_tree(fd, name)
    finally:
        os.close(fd)


def _lowers(layers: tuple[str, ...], markers: list[Data]) -> Iterator[str]:
    """Top first, down to a layer that hides all below it: overlayfs heeds no opaque mark on a layer's own root."""
    for layer, marker in zip(reversed(layers), reversed(markers), strict=True):
        yield layer
        if marker["opaque_root"]:
            return
