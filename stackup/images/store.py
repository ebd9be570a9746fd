"""The image store: content-addressed directories and small JSON files, safe among processes, sound after any kill.

    layers/<hex>/{fs/, layer.json}   a layer by its diff id; `fs` is ready to be an overlay lower
    layers/<hex>/tape                how its archive is made again from `fs`, byte for byte (see `tape`)
    images/<hex>.json                an image by the sha256 of its configuration's exact text
    tags/<reference>                 one file a name; `digest` is what it named at the registry
    manifests/<hex>.json             what a registry keeps about an image, text for text
    aside/<random>/                  what is being written, locked by its writer; unlocked is litter
    lock                             shared while publishing, exclusive while removing

Everything is written aside, synced and renamed, so what has its final name is whole. Here is the reading, which takes
no lock and is hot: resolving a tag and listing images need `os` and `json` only. `publishing` adds, `removing` takes
away; their functions are loaded by the first call.
"""

from __future__ import annotations

import json
import os

from stackup.errors import StackupError
from stackup.images import locks, origin
from stackup.images.reference import is_hex_id, parse
from stackup.kernel import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from stackup.images.publishing import Draft, Writing
    from stackup.images.removing import Choice, Keep
    from stackup.images.rootfs import Rootfs
    from stackup.values import Data, Json

FS = "fs"
MARKER = "layer.json"
MACHINE = "/usr"
TAPE = "tape"
HOST_NOTE = "host.json"
SCHEMA = 1
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
            return text if os.path.exists(self.image_file(text)) else None
        if is_hex_id(text):
            return self.resolve(_SHA256 + text)
        reference = parse(text)
        tagged = read_json(self.tag_file(reference.key)) or self.read_note(origin.note_of(reference.digest))
        if tagged is not None and os.path.exists(self.image_file(str(tagged["image"]))):
            return str(tagged["image"])
        return self._by_prefix(text.removeprefix(_SHA256))

    def get(self, image_id: str) -> Data:
        """The record: id, created, size, layers, lowers, config_text. Raises StackupError when there is none."""
        found = read_json(self.image_file(image_id))
        if found is None:
            raise StackupError(
                f'there is no image "{image_id}"', subject=image_id, hint="see: stackup images", code="no-such-image"
            )
        return found

    def layers(self, image_id: str) -> tuple[str, ...]:
        """Overlay lowers, the top one first."""
        return self._lowers(self.get(image_id))

    def _lowers(self, record: Data) -> tuple[str, ...]:
        """What was built on this machine's own root has /usr beneath it."""
        lowers = tuple(self.layer_dir(layer) for layer in texts(record["lowers"]))
        return (*lowers, MACHINE) if record.get("on_host") is True else lowers

    def rootfs(self, image_id: str) -> Rootfs:
        """What a container of this image is made of."""
        from stackup.images.manifest import parse_image  # dataclasses: 15 ms, for creating containers only
        from stackup.images.rootfs import Rootfs

        record = self.get(image_id)
        return Rootfs(self._lowers(record), parse_image(str(record["config_text"])).config, image_id)

    def images(self) -> list[Data]:
        """id, tags (sorted), created, size and layer count of every image, the newest first."""
        tags: dict[str, list[Json]] = {}
        for reference, image_id in sorted(self.tags()):
            tags.setdefault(image_id, []).append(reference)
        found: list[Data] = []
        for image_id in self.image_ids():
            if (record := read_json(self.image_file(image_id))) is not None:
                row: Data = {key: record[key] for key in ("id", "created", "size")}
                found.append({**row, "tags": tags.get(image_id, []), "layers": len(texts(record["layers"]))})
        return sorted(found, key=lambda row: (-float(str(row["created"])), str(row["id"])))

    def tags(self) -> Iterator[tuple[str, str]]:
        """(reference, image id) of every tag."""
        for file in self.tag_files():
            if (tag := read_json(file)) is not None:
                yield str(tag["reference"]), str(tag["image"])

    def tag_files(self) -> Iterator[str]:
        """The file of every tag, readable or not."""
        top = os.path.join(self.dir, "tags")
        for name in files.list_dir(top):
            path = os.path.join(top, name)
            yield from [os.path.join(path, more) for more in files.list_dir(path)] if os.path.isdir(path) else [path]

    def has_layer(self, layer: str) -> bool:
        """Whether a layer is here, whole."""
        return os.path.exists(os.path.join(self.layer_home(layer), MARKER))

    def layer_dir(self, layer: str) -> str:
        """The lower directory of a layer id."""
        return os.path.join(self.layer_home(layer), FS)

    def layer_size(self, layer: str) -> int:
        """Bytes of its files. Raises StackupError when there is no such layer."""
        return int(str(self.marker(layer)["size"]))

    def marker(self, layer: str) -> Data:
        """What is known of a layer: diff_id, size, opaque_root."""
        marker = read_json(os.path.join(self.layer_home(layer), MARKER))
        if marker is None:
            raise StackupError(f'layer "{layer}" is not in the store', subject=layer, code="no-such-layer")
        return marker

    def image_ids(self) -> list[str]:
        """All image ids, sorted."""
        names = files.list_dir(os.path.join(self.dir, "images"))
        return [_SHA256 + name[:64] for name in names if is_hex_id(name.removesuffix(".json"))]

    def layer_ids(self) -> list[str]:
        """All layer ids, sorted."""
        return [_SHA256 + name for name in files.list_dir(os.path.join(self.dir, "layers")) if is_hex_id(name)]

    def read_note(self, name: str) -> Data | None:
        """A small file of a module's own beside the store, e.g. `host.json`."""
        return read_json(os.path.join(self.dir, name))

    def draft(self) -> Draft:
        """A place to write a layer, gone unless committed; use as a context manager."""
        from stackup.images import publishing

        return publishing.draft(self)

    def writing(self) -> Writing:
        """`with`: nothing that is added meanwhile, or was found here, is pruned before it has got its name."""
        from stackup.images.publishing import Writing

        return Writing(self)

    def add_image(self, config_text: str, layers: tuple[str, ...], *, created: float, on_host: bool = False) -> str:
        """Publishes an image of layers that are here, the bottom one first; returns its id."""
        from stackup.images import publishing

        return publishing.add_image(self, config_text, layers, created=created, on_host=on_host)

    def tag(self, image_id: str, reference: str, *, digest: str = "") -> str:
        """Points a name at an image, away from what it named before; returns the name in full. `digest`: what it has at
        its registry."""
        from stackup.images import publishing

        return publishing.tag(self, image_id, reference, digest=digest)

    def tagged_at(self, reference: str) -> float:
        """When the name was last pointed at an image, by a pull too; 0 when it is none here."""
        try:
            return os.stat(self.tag_file(parse(reference).key)).st_mtime
        except FileNotFoundError:
            return 0.0

    def digest_of(self, reference: str) -> str:
        """The digest that a name had at its registry when it was pulled or pushed; empty when it never was there."""
        tagged = read_json(self.tag_file(parse(reference).key)) or {}
        return str(tagged.get("digest", ""))

    def write_note(self, name: str, data: Data) -> None:
        from stackup.images import publishing

        publishing.write_note(self, name, data)

    def untag(self, reference: str) -> bool:
        """Forgets a name; says whether there was one."""
        from stackup.images import removing

        return removing.untag(self, reference)

    def remove(self, image_id: str, *, keep: Keep = ()) -> tuple[str, ...]:
        """Removes an image with its names, then the layers nobody needs; returns the layers. `keep` as in `prune`."""
        from stackup.images import removing

        return removing.remove(self, image_id, keep)

    def prune(
        self, *, keep: Keep = (), unused: bool = False, only: Choice | None = None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Removes images without a name (`unused`: all) and layers without an image; (image ids, layer ids).

        `keep` are the ids of `Rootfs` in use, or a function that finds them: the store knows no containers. `only`
        says of an image's record whether it may go.
        """
        from stackup.images import removing

        return removing.prune(self, keep, unused=unused, only=only)

    def sweep(self) -> int:
        """Removes what killed writers left aside; returns how many."""
        from stackup.images import removing

        return removing.sweep(self)

    def held(self) -> locks.Held:
        """`with`: nothing is removed meanwhile. For as long as a look and a claim take: removers wait for it."""
        return locks.shared(self.lock_file)

    @property
    def lock_file(self) -> str:
        return os.path.join(self.dir, "lock")

    @property
    def aside_dir(self) -> str:
        return os.path.join(self.dir, "aside")

    def layer_home(self, layer: str) -> str:
        return os.path.join(self.dir, "layers", _hex(layer))

    def image_file(self, image_id: str) -> str:
        return os.path.join(self.dir, "images", f"{_hex(image_id)}.json")

    def tag_file(self, key: str) -> str:
        """`/` is written `+`, which no reference contains; a very long one takes two levels (NAME_MAX is 255)."""
        name = key.replace("/", "+")
        if len(name) <= _NAME_MAX:
            return os.path.join(self.dir, "tags", name)
        return os.path.join(self.dir, "tags", f"{name[:_NAME_MAX]}+", name[_NAME_MAX:])

    def needed_layers(self, keep: Collection[str], *, cache: bool = True) -> set[str]:
        """What is reachable: from any image, from what is kept, from the machine's own root."""
        needed = set(keep) | {layer for layer in self.layer_ids() if cache and self.is_cache(layer)}
        for image_id in self.image_ids():
            if (record := read_json(self.image_file(image_id))) is not None:
                needed.update(texts(record["layers"]))
        host = self.read_note(HOST_NOTE)
        return needed | ({str(host["layer"])} if host else set())

    def is_cache(self, layer: str) -> bool:
        """A build's step, kept for the next build."""
        marker = files.read_json(os.path.join(self.layer_home(layer), MARKER))
        return isinstance(marker, dict) and marker.get("cache") is True

    def _by_prefix(self, text: str) -> str | None:
        if len(text) < _PREFIX_MIN or not all(letter in "0123456789abcdef" for letter in text):
            return None
        found = [image_id for image_id in self.image_ids() if image_id.startswith(_SHA256 + text)]
        if len(found) > 1:
            raise StackupError(f'several images begin with "{text}"', subject=text, hint="write more of the id")
        return found[0] if found else None


def read_json(path: str) -> Data | None:
    """None when there is no such file. Stricter than records elsewhere: a damaged file is an error here, not an absent
    one, since no kernel could tell the truth in its place.
    """
    content = files.read_bytes(path)
    if content is None:
        return None
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise StackupError(f'"{path}" is damaged', subject=path, hint="see: stackup image fsck", code="store")
    return found


def texts(value: Json) -> list[str]:
    """A list of texts in a record."""
    return [str(item) for item in value] if isinstance(value, list) else []


def _hex(digest: str) -> str:
    name = digest.removeprefix(_SHA256)
    if not is_hex_id(name):
        raise StackupError(f'"{digest}" is not a sha256 digest', subject=digest)
    return name
