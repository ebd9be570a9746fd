"""A build's cache that is elsewhere: a document that says which layer a step's key has become, and those layers.

It is an OCI manifest whose configuration is that document, so that registries and layouts keep it like an image. What
is taken out is held against its digests before it has a name. Digests say that a layer came whole, not that it is what
the step makes: who names a cache believes whoever writes it, for the builds of that stack file and no other (`naming`).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from stackup.errors import StackupError
from stackup.images.build.naming import demand, key_of, named, operations
from stackup.images.build.outline import Outline
from stackup.images.build.recipe import Vertex
from stackup.images.build.request import StepBegun, StepDone, Tell, Warned
from stackup.images.compression import ByteSource
from stackup.images.importer import architecture, fill_draft
from stackup.images.index import CONFIG_MAX, LAYERS_MAX, OCI_MANIFEST, Descriptor, descriptor, digest_of, object_of
from stackup.images.packing import Packed
from stackup.images.refusal import ManifestInvalid
from stackup.images.registry import wrong_digest
from stackup.images.store import Store
from stackup.kernel import files
from stackup.values import Data, Digest, Json

KIND = "application/vnd.stackup.build.cache.v1+json"
VERSION = 1
AT_ONCE = 3
_NOTE = "packed.json"
"""Beside a layer: the blob that it has been packed as."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A layer in a cache: its blob, and the digest of what that unpacks to."""

    blob: Descriptor
    diff_id: str


class Opened(ByteSource, Protocol):
    """A blob as it comes."""

    def finish(self) -> None:
        """To its end. Raises RemoteError when these were not the right bytes."""
        ...

    def close(self) -> None: ...


class Shelf(Protocol):
    """A place that a cache is in. All but `name` raise StackupError when it cannot be reached, or has not got it."""

    @property
    def name(self) -> str: ...

    def manifest(self) -> bytes: ...

    def text(self, blob: Descriptor) -> bytes:
        """Verified."""
        ...

    def open(self, blob: Descriptor) -> Opened: ...

    def has(self, blob: Descriptor) -> bool: ...

    def put(self, packed: Packed) -> None: ...

    def publish(self, manifest: bytes, config: bytes) -> None:
        """The layers of a manifest are there before."""
        ...


def read(shelf: Shelf) -> dict[str, Kept]:
    """By key. Raises StackupError."""
    data: Any = object_of(shelf.manifest())
    config, layers = data.get("config"), data.get("layers")
    if not isinstance(config, dict) or config.get("mediaType") != KIND or not isinstance(layers, list):
        raise ManifestInvalid("what is there is no build cache of stackup's")
    described = descriptor(config, "config")
    if len(layers) > LAYERS_MAX or described.size > CONFIG_MAX:
        raise ManifestInvalid("the build cache that is there is too large")
    told = object_of(shelf.text(described))
    if (told.get("version"), told.get("architecture")) != (VERSION, architecture()):
        raise ManifestInvalid("the build cache that is there was made for another machine, or by another stackup")
    return _steps(told.get("steps"), [descriptor(layer, "layers") for layer in layers])


def _steps(told: Json, blobs: list[Descriptor]) -> dict[str, Kept]:
    """Key to a layer's number and diff id."""
    found: Any = told
    try:
        return {key: Kept(blobs[number], str(Digest.parse(diff_id))) for key, (number, diff_id) in found.items()}
    except (AttributeError, LookupError, TypeError, ValueError) as problem:
        raise ManifestInvalid("the build cache that is there is damaged") from problem


def write(steps: Mapping[str, Kept]) -> tuple[bytes, bytes]:
    """What `read` reads: a manifest and its configuration. The same steps give the same bytes."""
    blobs = list(dict.fromkeys(steps[key].blob for key in sorted(steps)))
    told: dict[str, Json] = {key: [blobs.index(kept.blob), kept.diff_id] for key, kept in steps.items()}
    config = _json({"version": VERSION, "architecture": architecture(), "os": "linux", "steps": told})
    manifest: Data = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor(KIND, digest_of(config), len(config)).to_data(),
        "layers": [blob.to_data() for blob in blobs],
    }
    return _json(manifest), config


def _json(value: Data) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def restore(outline: Outline, store: Store, shelves: Iterable[Shelf], tell: Tell) -> None:
    """Brings what the target needs and a cache has; the first cache that has it. What cannot be had is told, and built.

    Call it within `store.writing()`.
    """
    layers, fresh = named(outline, store)
    known = {key: where for shelf in reversed([*shelves]) for key, where in _known(shelf, tell).items()}

    def here(vertex: Vertex) -> bool:
        return store.has_layer(layers[vertex.id])

    def had(vertex: Vertex) -> bool:
        return here(vertex) or (vertex.id not in fresh and key_of(outline, vertex) in known)

    with ThreadPoolExecutor(AT_ONCE) as workers:
        while wanted := {key_of(outline, one): layers[one.id] for one in demand(outline, had)[1] if not here(one)}:
            begun = time.monotonic()
            tell(StepBegun(0, f"{_steps_of(wanted)} from the cache"))
            jobs = {key: workers.submit(_bring, store, layer, known[key]) for key, layer in wanted.items()}
            for key, job in jobs.items():
                if (problem := job.result()) is not None:
                    shelf, _ = known.pop(key)
                    tell(Warned(f'a step is not taken from the cache "{shelf.name}": {problem.message}'))
            tell(StepDone(0, "the cache", cached=False, seconds=time.monotonic() - begun))


def _known(shelf: Shelf, tell: Tell) -> dict[str, tuple[Shelf, Kept]]:
    try:
        return {key: (shelf, kept) for key, kept in read(shelf).items()}
    except StackupError as problem:
        tell(Warned(f'nothing is taken from the cache "{shelf.name}": {problem.message}'))
        return {}


def _bring(store: Store, layer: str, where: tuple[Shelf, Kept]) -> StackupError | None:
    shelf, kept = where
    try:
        blob = shelf.open(kept.blob)
        try:
            with store.draft() as draft:
                diff_id, done = fill_draft(draft, blob, f"{shelf.name}, layer {kept.blob.digest}")
                blob.finish()
                if diff_id != kept.diff_id:
                    raise wrong_digest(kept.diff_id, shelf.name)
                draft.commit(layer, size=done.size, opaque_root=done.opaque_root, cache=True)
        finally:
            blob.close()
    except StackupError as problem:
        return problem
    return None


def keep(outline: Outline, store: Store, layers: Mapping[int, str], shelf: Shelf, tell: Tell, *, every: bool) -> None:
    """Writes what the image is made of, or every step that is here, over what the shelf had. Raises StackupError.

    Call it within `store.writing()`.
    """
    chosen = [*operations(outline)] if every else outline.chain(outline.recipe.result)[0]
    there = {key_of(outline, one): layers[one.id] for one in chosen if store.has_layer(layers[one.id])}
    if there:
        begun, label = time.monotonic(), f"{_steps_of(there)} to the cache {shelf.name}"
        tell(StepBegun(0, label))
        with ThreadPoolExecutor(AT_ONCE) as workers:
            kept = workers.map(lambda layer: _shelved(store, layer, shelf), there.values())
            shelf.publish(*write(dict(zip(there, kept, strict=True))))
        tell(StepDone(0, label, cached=False, seconds=time.monotonic() - begun))


def _steps_of(found: Mapping[str, str]) -> str:
    return f"{len(found)} step{'s' if len(found) > 1 else ''}"


def _shelved(store: Store, layer: str, shelf: Shelf) -> Kept:
    """Packed once: what became of it is noted beside the layer, and goes with it."""
    note = os.path.join(store.layer_home(layer), _NOTE)
    told = files.read_json(note)
    if isinstance(told, dict):
        kept = Kept(descriptor(told["blob"], "layers"), str(told["diff_id"]))
        if shelf.has(kept.blob):
            return kept
    packed = Packed(store, layer)
    shelf.put(packed)
    files.write_json(note, {"blob": packed.blob.to_data(), "diff_id": packed.diff_id}, durable=False)
    return Kept(packed.blob, packed.diff_id)
