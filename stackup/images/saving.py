"""Images as one archive that is an OCI layout and a `docker save` at once: skopeo, podman and docker read it.

Every layer is made twice: first for its digest and size, so that what is damaged is known before a byte is written,
then into the archive. Nothing in it depends on when or where: the same images give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from stackup.errors import Unsupported
from stackup.images.archive import END, header
from stackup.images.reference import DEFAULT_REGISTRY, Reference, parse
from stackup.images.store import Store, texts
from stackup.images.tape import layer_archive
from stackup.images.tar import BLOCK, Entry
from stackup.values import Data

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
BLOBS = "blobs/sha256"
OURS = "stackup"
"""The folder of what is no image; other readers leave it alone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image and the names that the archive is to carry, in full."""

    image_id: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that is known before the first byte. `renamed`: layers with no way back to the archive that they came in,
    whose images have another id in this one.
    """

    texts: dict[str, bytes]
    layers: dict[str, tuple[str, int]]
    """A layer's digest and size in the archive."""
    ids: dict[str, str]
    """An image's id in the archive, by the one that it has here."""
    renamed: tuple[str, ...]


def pack(store: Store, wanted: Iterable[Wanted]) -> Parcel:
    """Reads every layer once. Raises StackupError when one of them is damaged."""
    wanted = list(wanted)
    records = [_portable(store.get(one.image_id), one) for one in wanted]
    layers = {layer: _measured(store, layer) for record in records for layer in texts(record["layers"])}
    blobs: dict[str, bytes] = {}
    docker: list[Data] = []
    index: list[Data] = []
    ids: dict[str, str] = {}
    for one, record in zip(wanted, records, strict=True):
        config = _config(str(record["config_text"]), layers)
        found = [layers[layer] for layer in texts(record["layers"])]
        manifest = _manifest(config, found)
        blobs |= {blob_path(_digest(text)): text for text in (config, manifest)}
        ids[one.image_id] = _digest(config)
        docker.append(
            {
                "Config": blob_path(_digest(config)),
                "RepoTags": [_docker_name(name) for name in one.references],
                "Layers": [blob_path(digest) for digest, _ in found],
            }
        )
        index += [_descriptor(MANIFEST, manifest) | _names(name) for name in one.references or ("",)]
    layout = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(index)}),
        "manifest.json": _json(docker),
    }
    renamed = tuple(layer for layer, (digest, _) in layers.items() if layer != digest)
    return Parcel(layout | blobs, layers, ids, renamed)


def chunks(store: Store, parcel: Parcel) -> Iterator[bytes]:
    """The archive."""
    for name in ("blobs", BLOBS):
        yield header(Entry(name, "directory", 0o755))
    for path, text in parcel.texts.items():
        yield header(Entry(path, "file", 0o644, size=len(text))) + text + bytes(-len(text) % BLOCK)
    done: set[str] = set()
    for layer, (digest, size) in parcel.layers.items():
        if digest not in done:
            done.add(digest)
            yield header(Entry(blob_path(digest), "file", 0o644, size=size))
            yield from layer_archive(store, layer)
            yield bytes(-size % BLOCK)
    yield END


def _portable(record: Data, wanted: Wanted) -> Data:
    """What rests on this machine's own root is nothing elsewhere."""
    if record.get("on_host") is True:
        hint = "build it FROM an image instead of FROM host"
        image = _docker_name(wanted.references[0]) if wanted.references else wanted.image_id
        raise Unsupported(f'"{image}" rests on this machine\'s own /usr, and is no image without it', subject=image,
                          hint=hint)  # fmt: skip
    return record


def _measured(store: Store, layer: str) -> tuple[str, int]:
    digest, size = sha256(), 0
    for chunk in layer_archive(store, layer):
        digest.update(chunk)
        size += len(chunk)
    return f"sha256:{digest.hexdigest()}", size


def _config(text: str, layers: dict[str, tuple[str, int]]) -> bytes:
    """The image's own text, unless a layer has another digest now."""
    if all(layer not in text or layer == digest for layer, (digest, _) in layers.items()):
        return text.encode()
    data = json.loads(text)
    data["rootfs"]["diff_ids"] = [layers[layer][0] for layer in data["rootfs"]["diff_ids"]]
    return _json(data)


def _manifest(config: bytes, layers: list[tuple[str, int]]) -> bytes:
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [{"mediaType": LAYER, "digest": digest, "size": size} for digest, size in layers],
        }
    )


def _descriptor(media_type: str, content: bytes) -> Data:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _names(reference: str) -> Data:
    """`ref.name` is the whole name, not the tag alone as in docker's: two images may both be `latest`."""
    return {"annotations": {REF_NAME: _docker_name(reference), IMAGE_NAME: reference}} if reference else {}


def _docker_name(reference: str) -> str:
    """With its tag and without docker's own registry, as docker writes it."""
    name: Reference = parse(reference)
    return name.familiar if name.registry == DEFAULT_REGISTRY else str(name)


def blob_path(digest: str) -> str:
    """Where the archive has it."""
    return f"{BLOBS}/{digest.removeprefix('sha256:')}"


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
