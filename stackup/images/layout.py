"""Which images an archive of images holds, read from its descriptions: `manifest.json` of docker, else `index.json`.

Pure: texts by path in, images out. A description that is two things at once (a manifest that lists manifests) is
refused, since other readers would see the other one (T12).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from stackup.errors import StackupError
from stackup.images.importer import architecture
from stackup.images.reference import canonical
from stackup.images.refusal import ManifestInvalid
from stackup.images.saving import BLOBS, IMAGE_NAME, REF_NAME
from stackup.values import Data, Digest, Json

_NESTED_MAX = 4
_HEX = 64


@dataclass(frozen=True, slots=True)
class Found:
    """One image: its configuration's text, its layers' paths in the archive, the bottom one first, its full names."""

    config: str
    layers: tuple[str, ...]
    references: tuple[str, ...]


def images(texts: Mapping[str, bytes], real: Callable[[str], str]) -> tuple[Found, ...]:
    """`real` follows links of the archive. Raises ManifestInvalid."""
    archive = _Archive(texts, real)
    found = archive.docker() if "manifest.json" in texts else archive.oci() if "index.json" in texts else iter(())
    return tuple(_joined(found))


def _joined(found: Iterator[Found]) -> Iterator[Found]:
    """An index has an entry a name: entries of one image are one."""
    images: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in found:
        names = images.setdefault((one.config, one.layers), [])
        names += [name for name in one.references if name not in names]
    for (config, layers), names in images.items():
        yield Found(config, layers, tuple(names))


class _Archive:
    def __init__(self, texts: Mapping[str, bytes], real: Callable[[str], str]) -> None:
        self._texts = texts
        self._real = real

    def docker(self) -> Iterator[Found]:
        for item in _list(self._json("manifest.json"), "manifest.json"):
            entry = _object(item, "manifest.json")
            path = _text(entry, "Config")
            config = self._text(path)
            name = os.path.basename(path).removesuffix(".json")
            if len(name) == _HEX and sha256(config).hexdigest() != name:
                raise ManifestInvalid(f'"{path}" has another content than its name says', subject=path)
            layers = [str(layer) for layer in _list(entry.get("Layers") or [], "Layers")]
            names = [str(name) for name in _list(entry.get("RepoTags") or [], "RepoTags")]
            yield Found(_decoded(config, path), tuple(layers), _names(names))

    def oci(self) -> Iterator[Found]:
        for item in _list(_object(self._json("index.json"), "index.json").get("manifests"), "manifests"):
            entry = _object(item, "index.json")
            notes = entry.get("annotations")
            notes = notes if isinstance(notes, dict) else {}
            name = str(notes.get(IMAGE_NAME) or notes.get(REF_NAME) or "")
            # A tag alone, as docker writes it beside the whole name, is no name of an image.
            names = _names([name]) if ":" in name or "/" in name else ()
            if (manifest := self._manifest(entry, 0)) is not None:
                yield self._image(manifest, names)

    def _manifest(self, entry: Data, depth: int) -> Data | None:
        """The manifest behind a descriptor; of an index the one for this machine. None for other descriptions."""
        path = _blob(entry)
        data = _object(self._json(path), path)
        if ("manifests" in data) and ("layers" in data or "config" in data):
            raise ManifestInvalid(f'"{path}" is a manifest and an index at once', subject=path)
        if "manifests" not in data:
            return data if "layers" in data and "config" in data else None
        if depth >= _NESTED_MAX:
            raise ManifestInvalid("an index in an index in an index", subject=path)
        for item in _list(data["manifests"], path):
            inner = _object(item, path)
            if _fits(inner) and self._real(_blob(inner)) in self._texts:
                return self._manifest(inner, depth + 1)
        raise ManifestInvalid(f"the archive has no image for linux/{architecture()}", subject=path)

    def _image(self, manifest: Data, names: tuple[str, ...]) -> Found:
        path = _blob(_object(manifest["config"], "config"))
        layers = [_blob(_object(layer, "layers")) for layer in _list(manifest["layers"], "layers")]
        return Found(_decoded(self._text(path), path), tuple(layers), names)

    def _text(self, path: str) -> bytes:
        found = self._texts.get(self._real(path))
        if found is None:
            raise ManifestInvalid(f'the archive has no "{path}"', subject=path)
        return found

    def _json(self, path: str) -> Json:
        try:
            found: Json = json.loads(self._text(path))
        except (ValueError, RecursionError) as error:
            raise ManifestInvalid(f'"{path}" of the archive is not JSON', subject=path) from error
        return found


def _fits(entry: Data) -> bool:
    """For this machine, or for any: what says nothing about it."""
    platform = entry.get("platform")
    if not isinstance(platform, dict):
        return True
    return platform.get("os") == "linux" and platform.get("architecture") == architecture()


def _names(names: list[str]) -> tuple[str, ...]:
    """In full, once each; docker's `<none>:<none>` is no name."""
    try:
        return tuple(dict.fromkeys(canonical(name) for name in names if "<none>" not in name and "@" not in name))
    except StackupError as error:
        raise ManifestInvalid(f"the archive has a bad name in it: {error.message}", subject=error.subject) from error


def _blob(entry: Data) -> str:
    try:
        digest = Digest.parse(_text(entry, "digest"))
    except ValueError as error:
        raise ManifestInvalid(f"the archive has a bad digest in it: {error}") from error
    return f"{BLOBS.partition('/')[0]}/{digest.algorithm}/{digest.hex}"


def _text(data: Data, key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise ManifestInvalid(f'the archive\'s "{key}" is not text', subject=key)
    return value


def _list(value: Json, subject: str) -> list[Json]:
    if not isinstance(value, list):
        raise ManifestInvalid(f'the archive\'s "{subject}" is not a list', subject=subject)
    return value


def _object(value: Json, subject: str) -> Data:
    if not isinstance(value, dict):
        raise ManifestInvalid(f'the archive\'s "{subject}" is not an object', subject=subject)
    return value


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ManifestInvalid(f'"{path}" of the archive is not text', subject=path) from error
