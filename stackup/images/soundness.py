"""Is the store what it claims to be? Every record, name, layer and leftover is looked at, and on request removed.

A finding is about one path, and removing that path is its repair: what it takes down with it (an image whose layer is
gone, a name whose image is gone) is the next round's finding. What a container is made of is left as it is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from stackup.errors import StackupError
from stackup.images import locks, origin
from stackup.images.manifest import parse_image
from stackup.images.publishing import remove_aside
from stackup.images.reference import is_hex_id, parse
from stackup.images.refusal import disk
from stackup.images.store import FS, MARKER, TAPE, Store, read_json, texts
from stackup.images.tape import layer_archive
from stackup.kernel import files

_ROUNDS = 4
"""A layer, then its image, then the image's names; once more to see that nothing is left."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence with its subject, and the path that is not sound; `about` is the image or layer there, if any."""

    text: str
    path: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """What was removed, and what could not be, since containers are made of it."""

    removed: tuple[str, ...]
    left: tuple[str, ...]


def problems(store: Store, *, deep: bool = False) -> tuple[str, ...]:
    """One sentence each; empty when the store is sound. Changes nothing."""
    return tuple(finding.text for finding in findings(store, deep=deep))


def findings(store: Store, *, deep: bool = False) -> Iterator[Finding]:
    """`deep`: every layer's archive is made again and its digest compared, which reads all there is."""
    yield from _images(store)
    yield from _tags(store)
    yield from _manifests(store)
    yield from _layers(store)
    if deep:
        yield from _contents(store)
    yield from _litter(store)


def repair(store: Store, *, deep: bool = False, keep: Collection[str] = ()) -> Repair:
    """Removes what is not sound, under the lock that keeps everybody else away; the long reading is done before it."""
    store.sweep()
    wrong = [finding for finding in findings(store, deep=deep) if deep]
    removed: list[str] = []
    left: list[str] = []
    if os.path.isdir(store.aside_dir):
        with disk(store.dir), locks.exclusive(store.lock_file):
            for _ in range(_ROUNDS):
                wrong = [finding for finding in [*wrong, *findings(store)] if os.path.lexists(finding.path)]
                if not _remove(store, wrong, _used(store, keep), removed, left):
                    break
        _empty(store)
    return Repair(tuple(removed), tuple(left))


def _used(store: Store, keep: Collection[str]) -> set[str]:
    """The images and layers of containers, as far as their records can still be read."""
    used = set(keep)
    for image_id in keep:
        record = files.read_json(store.image_file(image_id))
        used.update(texts(record.get("layers")) if isinstance(record, dict) else ())
    return used


def _remove(store: Store, wrong: Iterable[Finding], used: set[str], removed: list[str], left: list[str]) -> bool:
    """Moved aside first, so that nothing half removed is ever seen. Whether anything was moved."""
    moved = False
    for finding in wrong:
        if finding.about in used:
            left.extend([finding.text] if finding.text not in left else [])
        elif os.path.lexists(finding.path) and not finding.path.startswith(store.aside_dir):
            os.rename(finding.path, os.path.join(store.aside_dir, f"{os.urandom(8).hex()}.broken"))
            files.sync_dir(os.path.dirname(finding.path))
            removed.append(finding.text)
            moved = True
    return moved


def _empty(store: Store) -> None:
    with disk(store.aside_dir):
        for name in files.list_dir(store.aside_dir):
            if name.endswith(".broken"):
                remove_aside(store, name)


def _images(store: Store) -> Iterator[Finding]:
    top = os.path.join(store.dir, "images")
    for name in files.list_dir(top):
        if not is_hex_id(name.removesuffix(".json")) or not name.endswith(".json"):
            yield Finding(f'"{os.path.join(top, name)}" is not an image', os.path.join(top, name))
    for image_id in store.image_ids():
        for text in _image(store, image_id):
            yield Finding(f'image "{image_id}" {text}', store.image_file(image_id), image_id)


def _image(store: Store, image_id: str) -> Iterator[str]:
    try:
        record = store.get(image_id)
        text = str(record["config_text"])
        image = parse_image(text)
        said, lowers = texts(record["layers"]), texts(record["lowers"])
    except (StackupError, KeyError) as error:
        yield f"cannot be read: {error}"
        return
    layers = [str(digest) for digest in image.diff_ids]
    if f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" != image_id:
        yield "has another configuration than its id says"
    if layers != said or lowers != said[::-1][: len(lowers)] or (said and not lowers):
        yield "lists other layers than its configuration"
    for layer in layers:
        if not store.has_layer(layer):
            yield f'lacks its layer "{layer}"'


def _tags(store: Store) -> Iterator[Finding]:
    for path in store.tag_files():
        try:
            tag = read_json(path) or {}
            reference, image_id = str(tag["reference"]), str(tag["image"])
            astray = store.tag_file(parse(reference).key) != path
            gone = not os.path.exists(store.image_file(image_id))
        except (StackupError, KeyError) as error:
            yield Finding(f'a tag cannot be read: "{path}": {error}', path)
            continue
        if astray:
            yield Finding(f'tag "{reference}" lies in the place of another: "{path}"', path)
        elif gone:
            yield Finding(f'tag "{reference}" names an image that is not here', path)


def _manifests(store: Store) -> Iterator[Finding]:
    top = os.path.join(store.dir, origin.FOLDER)
    for name in files.list_dir(top):
        path = os.path.join(top, name)
        try:
            kept = read_json(path) or {}
            digest, image_id, text = str(kept["digest"]), str(kept["image"]), str(kept["text"])
            algorithm, _, value = digest.partition(":")
            if hashlib.new(algorithm, text.encode()).hexdigest() != value:
                yield Finding(f'manifest "{digest}" has another text than its digest says', path)
            elif not os.path.exists(store.image_file(image_id)):
                yield Finding(f'manifest "{digest}" describes an image that is not here', path)
        except (StackupError, KeyError, ValueError) as error:
            yield Finding(f'a manifest cannot be read: "{path}": {error}', path)


def _layers(store: Store) -> Iterator[Finding]:
    top = os.path.join(store.dir, "layers")
    for name in files.list_dir(top):
        path = os.path.join(top, name)
        if not is_hex_id(name):
            yield Finding(f'"{path}" is not a layer', path)
        elif not _is_whole(path, f"sha256:{name}"):
            yield Finding(f'layer "sha256:{name}" is not whole', path, f"sha256:{name}")


def _is_whole(path: str, layer: str) -> bool:
    marker = files.read_json(os.path.join(path, MARKER))
    return (
        isinstance(marker, dict)
        and marker.get("diff_id") == layer
        and isinstance(marker.get("size"), int)
        and os.path.isdir(os.path.join(path, FS))
    )


def _contents(store: Store) -> Iterator[Finding]:
    """Of layers that came as archives: others have no digest to compare with until they are saved."""
    for layer in store.layer_ids():
        if not store.has_layer(layer) or not os.path.exists(os.path.join(store.layer_home(layer), TAPE)):
            continue
        digest = hashlib.sha256()
        try:
            for chunk in layer_archive(store, layer):
                digest.update(chunk)
            reason = "" if f"sha256:{digest.hexdigest()}" == layer else "has another content than its id says"
        except StackupError as error:
            reason = f"cannot be read: {error}"
        if reason:
            yield Finding(f'layer "{layer}" {reason}', store.layer_home(layer), layer)


def _litter(store: Store) -> Iterator[Finding]:
    for name in files.list_dir(store.aside_dir):
        path = os.path.join(store.aside_dir, name)
        if (fd := locks.claim(path)) is not None:
            os.close(fd)
            yield Finding(f'"{path}" was left by a writer that died', path)
