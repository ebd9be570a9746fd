"""The image store: content-addressed directories and small JSON files, safe among processes, sound after any kill.

    layers/<hex>/{fs/, layer.json}   a layer by its diff id; `fs` is ready to be an overlay lower
    images/<hex>.json                an image by the sha256 of its configuration's exact text
    tags/<reference>                 one file a name; `digest` is what it named at the registry
    manifests/<hex>.json             what a registry keeps about an image, text for text
    aside/<random>/                  what is being written, locked by its writer; unlocked is litter
    lock                             shared while publishing, exclusive while removing

Everything is written aside, synced and renamed, so what has its final name is whole. Reading takes no lock. Hot:
resolving a tag and listing images need `os`, `json` and `fcntl` only.
"""

from __future__ import annotations

import errno
import os

from stackup.errors import StackupError
from stackup.images import locks, origin
from stackup.images.durable import names_in, read_json, remove_below, unlink_if_there, write_synced
from stackup.images.reference import is_hex_id, parse
from stackup.images.refusal import disk
from stackup.kernel.files import sync_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import TracebackType

    from stackup.images.rootfs import Rootfs
    from stackup.values import Data, Json

FS = "fs"
MARKER = "layer.json"
HOST_NOTE = "host.json"
_DIRECTORIES = ("layers", "images", "tags", "manifests", "aside")
_NAME_MAX = 200
_PREFIX_MIN = 4
_SHA256 = "sha256:"


class Store:
    """All images of one state root; `images_dir` is made, for its owner only, by the first write."""

    __slots__ = ("dir",)

    def __init__(self, images_dir: str) -> None:
        self.dir = images_dir

    def resolve(self, text: str) -> str | None:
        """The image id that a reference, an id or the beginning of one names, or None. UsageError if it is neither."""
        if text.startswith(_SHA256) and is_hex_id(text[7:]):
            return text if os.path.exists(self._image_file(text)) else None
        if is_hex_id(text):
            return self.resolve(_SHA256 + text)
        reference = parse(text)
        tagged = read_json(self._tag_file(reference.key)) or self.read_note(origin.note_of(reference.digest))
        if tagged is not None and os.path.exists(self._image_file(str(tagged["image"]))):
            return str(tagged["image"])
        return self._by_prefix(text.removeprefix(_SHA256))

    def get(self, image_id: str) -> Data:
        """The record: id, created, size, layers, lowers, config_text. Raises StackupError when there is none."""
        found = read_json(self._image_file(image_id))
        if found is None:
            raise StackupError(
                f'there is no image "{image_id}"', subject=image_id, hint="see: stackup images", code="no-such-image"
            )
        return found

    def layers(self, image_id: str) -> tuple[str, ...]:
        """Overlay lowers, the top one first."""
        return tuple(self.layer_dir(layer) for layer in _texts(self.get(image_id)["lowers"]))

    def rootfs(self, image_id: str) -> Rootfs:
        """What a container of this image is made of."""
        from stackup.images.manifest import parse_image  # dataclasses: 15 ms, for creating containers only
        from stackup.images.rootfs import Rootfs

        record = self.get(image_id)
        lowers = tuple(self.layer_dir(layer) for layer in _texts(record["lowers"]))
        return Rootfs(lowers, parse_image(str(record["config_text"])).config, image_id)

    def images(self) -> list[Data]:
        """id, tags (sorted), created, size and layer count of every image, the newest first."""
        tags: dict[str, list[Json]] = {}
        for reference, image_id in sorted(self.tags()):
            tags.setdefault(image_id, []).append(reference)
        found: list[Data] = []
        for image_id in self._image_ids():
            if (record := read_json(self._image_file(image_id))) is not None:
                row: Data = {key: record[key] for key in ("id", "created", "size")}
                found.append({**row, "tags": tags.get(image_id, []), "layers": len(_texts(record["layers"]))})
        return sorted(found, key=lambda row: (-float(str(row["created"])), str(row["id"])))

    def tags(self) -> Iterator[tuple[str, str]]:
        """(reference, image id) of every tag."""
        top = os.path.join(self.dir, "tags")
        for name in names_in(top):
            path = os.path.join(top, name)
            files = [os.path.join(path, more) for more in names_in(path)] if os.path.isdir(path) else [path]
            for file in files:
                if (tag := read_json(file)) is not None:
                    yield str(tag["reference"]), str(tag["image"])

    def has_layer(self, layer: str) -> bool:
        """Whether a layer is here, whole."""
        return os.path.exists(os.path.join(os.path.dirname(self.layer_dir(layer)), MARKER))

    def layer_dir(self, layer: str) -> str:
        """The lower directory of a layer id."""
        return os.path.join(self.dir, "layers", _hex(layer), FS)

    def draft(self) -> Draft:
        """A place to write a layer, gone unless committed; use as a context manager."""
        self._prepare()
        self.sweep()
        return Draft(self)

    def add_image(self, config_text: str, layers: tuple[str, ...], *, created: float) -> str:
        """Publishes an image of layers that are here, the bottom one first; returns its id."""
        from hashlib import sha256  # 3 ms, for writers only

        image_id = _SHA256 + sha256(config_text.encode()).hexdigest()
        self._prepare()
        with disk(self.dir), locks.shared(self._lock_file()):
            markers = [self._marker(layer) for layer in layers]
            record: Data = {
                "id": image_id, "created": created, "config_text": config_text,
                "size": sum(int(str(marker["size"])) for marker in markers),
                "layers": list(layers), "lowers": list(_lowers(layers, markers)),
            }  # fmt: skip
            if not os.path.exists(self._image_file(image_id)):
                self._write_json(self._image_file(image_id), record)
        return image_id

    def tag(self, image_id: str, reference: str, *, digest: str = "") -> str:
        """Points a name at an image, away from what it named before; returns the name in full."""
        key = parse(reference).key
        self.get(image_id)
        said: Data = {"digest": digest} if digest else {}
        with disk(self.dir), locks.shared(self._lock_file()):
            self._write_json(self._tag_file(key), {"reference": key, "image": image_id, **said})
        return key

    def tagged_at(self, reference: str) -> float:
        """When the name was last pointed at an image, by a pull too; 0 when it is none here."""
        try:
            return os.stat(self._tag_file(parse(reference).key)).st_mtime
        except FileNotFoundError:
            return 0.0

    def digest_of(self, reference: str) -> str:
        """The digest that a name had at its registry when it was pulled or pushed; empty when it never was there."""
        tagged = read_json(self._tag_file(parse(reference).key)) or {}
        return str(tagged.get("digest", ""))

    def untag(self, reference: str) -> bool:
        """Forgets a name; says whether there was one."""
        with disk(self.dir):
            return unlink_if_there(self._tag_file(parse(reference).key))

    def remove(self, image_id: str, *, keep: Collection[str] = ()) -> tuple[str, ...]:
        """Removes an image with its names, then the layers nobody needs; returns the layers. `keep` as in `prune`."""
        self.get(image_id)
        if image_id in keep:
            raise StackupError(f'image "{image_id}" is in use', subject=image_id, hint="remove its containers first")
        return self._remove({image_id}, keep)

    def prune(self, *, keep: Collection[str] = (), unused: bool = False) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Removes images without a name (`unused`: all) and layers without an image; (image ids, layer ids).

        `keep` are the ids of `Rootfs` in use: the store knows no containers.
        """
        named = {image_id for _, image_id in self.tags()}
        doomed = {image for image in self._image_ids() if image not in keep and (unused or image not in named)}
        return tuple(sorted(doomed)), self._remove(doomed, keep)

    def sweep(self) -> int:
        """Removes what killed writers left aside; returns how many."""
        aside = os.path.join(self.dir, "aside")
        if not names_in(aside):
            return 0
        litter = []
        with disk(self.dir), locks.exclusive(self._lock_file()):
            for name in names_in(aside):
                if (fd := locks.claim(os.path.join(aside, name))) is not None:
                    litter.append((name, fd))
        with disk(aside):
            for name, fd in litter:
                remove_below(aside, name)
                os.close(fd)
        return len(litter)

    def read_note(self, name: str) -> Data | None:
        """A small file of a module's own beside the store, e.g. `host.json`."""
        return read_json(os.path.join(self.dir, name))

    def write_note(self, name: str, data: Data) -> None:
        self._prepare()
        with disk(self.dir), locks.shared(self._lock_file()):
            self._write_json(os.path.join(self.dir, name), data)

    def image_ids(self) -> list[str]:
        """All image ids, sorted."""
        return self._image_ids()

    def _remove(self, images: set[str], keep: Collection[str]) -> tuple[str, ...]:
        """Names first, then records, then layers: at any kill in between, what is left is whole."""
        self._prepare()
        aside = os.path.join(self.dir, "aside")
        with disk(self.dir), locks.exclusive(self._lock_file()):
            for reference, image_id in list(self.tags()):
                if image_id in images:
                    os.unlink(self._tag_file(reference))
            for file in origin.orphaned(self, images):
                unlink_if_there(file)
            for image_id in images:
                unlink_if_there(self._image_file(image_id))
            sync_dir(os.path.join(self.dir, "images"))
            doomed = sorted(set(self._layer_ids()) - self._needed_layers(keep))
            moved = {layer: os.urandom(8).hex() for layer in doomed}
            for layer in doomed:
                os.rename(os.path.join(self.dir, "layers", _hex(layer)), os.path.join(aside, moved[layer]))
        with disk(aside):
            for name in moved.values():
                remove_below(aside, name)
        return tuple(doomed)

    def _needed_layers(self, keep: Collection[str]) -> set[str]:
        needed = set(keep)
        for image_id in self._image_ids():
            if (record := read_json(self._image_file(image_id))) is not None:
                needed.update(_texts(record["layers"]))
        host = self.read_note(HOST_NOTE)
        return needed | ({str(host["layer"])} if host else set())

    def _marker(self, layer: str) -> Data:
        marker = read_json(os.path.join(self.dir, "layers", _hex(layer), MARKER))
        if marker is None:
            raise StackupError(f'layer "{layer}" is not in the store', subject=layer, code="no-such-layer")
        return marker

    def _by_prefix(self, text: str) -> str | None:
        if len(text) < _PREFIX_MIN or not all(letter in "0123456789abcdef" for letter in text):
            return None
        found = [image_id for image_id in self._image_ids() if image_id.startswith(_SHA256 + text)]
        if len(found) > 1:
            raise StackupError(f'several images begin with "{text}"', subject=text, hint="write more of the id")
        return found[0] if found else None

    def _image_ids(self) -> list[str]:
        names = names_in(os.path.join(self.dir, "images"))
        return sorted(_SHA256 + name[:64] for name in names if is_hex_id(name.removesuffix(".json")))

    def _layer_ids(self) -> list[str]:
        return [_SHA256 + name for name in names_in(os.path.join(self.dir, "layers")) if is_hex_id(name)]

    def _image_file(self, image_id: str) -> str:
        return os.path.join(self.dir, "images", f"{_hex(image_id)}.json")

    def _tag_file(self, key: str) -> str:
        """`/` is written `+`, which no reference contains; a very long one takes two levels (NAME_MAX is 255)."""
        name = key.replace("/", "+")
        if len(name) <= _NAME_MAX:
            return os.path.join(self.dir, "tags", name)
        return os.path.join(self.dir, "tags", f"{name[:_NAME_MAX]}+", name[_NAME_MAX:])

    def _lock_file(self) -> str:
        return os.path.join(self.dir, "lock")

    def _prepare(self) -> None:
        with disk(self.dir):
            os.makedirs(self.dir, mode=0o700, exist_ok=True)
            for name in _DIRECTORIES:
                try:
                    os.mkdir(os.path.join(self.dir, name), 0o700)
                except FileExistsError:
                    continue

    def _write_json(self, path: str, data: Data) -> None:
        """Under the lock, shared: a sweeper takes it exclusively, so it cannot see this file half written."""
        aside = os.path.join(self.dir, "aside", f"{os.urandom(8).hex()}.json")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        try:
            write_synced(aside, data)
            os.rename(aside, path)
        except OSError:
            unlink_if_there(aside)
            raise
        sync_dir(os.path.dirname(path))


class Draft:
    """A layer being written. `fs_fd` is its empty root; `commit` gives it its final name; leaving discards it."""

    __slots__ = ("_lock_fd", "_name", "_store", "fs_fd")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._name = os.urandom(8).hex()
        with disk(store.dir), locks.shared(os.path.join(store.dir, "lock")):
            os.mkdir(self.path, 0o700)
            self._lock_fd = locks.hold(self.path)
        with disk(store.dir):
            os.mkdir(os.path.join(self.path, FS), 0o755)
            self.fs_fd = os.open(os.path.join(self.path, FS), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def path(self) -> str:
        return os.path.join(self._store.dir, "aside", self._name)

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fs_fd)
        try:
            remove_below(os.path.join(self._store.dir, "aside"), self._name)
        except OSError:
            pass  # the error under way says more, and the next writer sweeps
        os.close(self._lock_fd)

    def commit(self, layer: str, *, size: int, opaque_root: bool = False) -> None:
        """Publishes under the layer's id. Another process that was first with the same content wins."""
        from stackup.kernel.calls import syncfs  # ctypes, for writers only

        target = os.path.dirname(self._store.layer_dir(layer))
        with disk(self.path):
            syncfs(self.fs_fd)  # once for thousands of files; the marker must not be on disk before them
            write_synced(
                os.path.join(self.path, MARKER),
                {"diff_id": layer, "size": size, "opaque_root": opaque_root},
            )
            sync_dir(self.path)
        with disk(target), locks.shared(os.path.join(self._store.dir, "lock")):
            done = self._publish(target)
        if not done and not self._store.has_layer(layer):
            with disk(target), locks.exclusive(os.path.join(self._store.dir, "lock")):
                os.rename(target, f"{self.path}.broken")  # for the next sweep
                self._publish(target)

    def _publish(self, target: str) -> bool:
        try:
            os.rename(self.path, target)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
            return False
        sync_dir(os.path.dirname(target))
        return True


def _lowers(layers: tuple[str, ...], markers: list[Data]) -> Iterator[str]:
    """Top first, down to a layer that hides all below it: overlayfs heeds no opaque mark on a layer's own root."""
    for layer, marker in zip(reversed(layers), reversed(markers), strict=True):
        yield layer
        if marker["opaque_root"]:
            return


def _texts(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _hex(digest: str) -> str:
    name = digest.removeprefix(_SHA256)
    if not is_hex_id(name):
        raise StackupError(f'"{digest}" is not a sha256 digest', subject=digest)
    return name
