"""Is the store what it claims to be? Reads every record, name and layer marker, for `doctor` and after a crash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from stackup.errors import StackupError
from stackup.images import locks, origin
from stackup.images.manifest import parse_image
from stackup.images.reference import is_hex_id
from stackup.images.store import FS, MARKER, Store


def problems(store: Store) -> tuple[str, ...]:
    """One sentence each, with the path; empty when the store is sound. Changes nothing."""
    return (*_images(store), *_tags(store), *_manifests(store), *_layers(store), *_litter(store))


def _images(store: Store) -> Iterator[str]:
    for image_id in store.image_ids():
        try:
            record = store.get(image_id)
            text = str(record["config_text"])
            image = parse_image(text)
        except (StackupError, KeyError) as error:
            yield f'image "{image_id}" cannot be read: {error}'
            continue
        if f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" != image_id:
            yield f'image "{image_id}" has another configuration than its id says'
        if [str(digest) for digest in image.diff_ids] != record["layers"]:
            yield f'image "{image_id}" lists other layers than its configuration'
        for digest in image.diff_ids:
            if not store.has_layer(str(digest)):
                yield f'image "{image_id}" lacks its layer "{digest}"'


def _tags(store: Store) -> Iterator[str]:
    try:
        for reference, image_id in store.tags():
            if image_id not in store.image_ids():
                yield f'tag "{reference}" names an image that is not here'
    except (StackupError, KeyError) as error:
        yield f"a tag cannot be read: {error}"


def _manifests(store: Store) -> Iterator[str]:
    try:
        for kept in origin.kept(store):
            algorithm, _, value = str(kept["digest"]).partition(":")
            if hashlib.new(algorithm, str(kept["text"]).encode()).hexdigest() != value:
                yield f'manifest "{kept["digest"]}" has another text than its digest says'
            if kept["image"] not in store.image_ids():
                yield f'manifest "{kept["digest"]}" describes an image that is not here'
    except (StackupError, KeyError, ValueError) as error:
        yield f"a manifest cannot be read: {error}"


def _layers(store: Store) -> Iterator[str]:
    top = os.path.join(store.dir, "layers")
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else ():
        path = os.path.join(top, name)
        if not is_hex_id(name):
            yield f'"{path}" is not a layer'
        elif not os.path.isfile(os.path.join(path, MARKER)) or not os.path.isdir(os.path.join(path, FS)):
            yield f'layer "sha256:{name}" is not whole'


def _litter(store: Store) -> Iterator[str]:
    top = os.path.join(store.dir, "aside")
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else ():
        if (fd := locks.claim(os.path.join(top, name))) is not None:
            os.close(fd)
            yield f'"{os.path.join(top, name)}" was left by a writer that died'
