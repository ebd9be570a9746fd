"""What a registry keeps about an image: manifests and indexes, OCI's and Docker's second schema, read and written.

A text has one meaning: the media type of the answer and the one in the text must agree, and nothing that could be read
as a manifest may also be read as an index (CVE-2021-41190). The first schema is refused: it has no configuration.
Source: OCI image-spec v1.1, manifest.md and image-index.md; Docker's "Image Manifest Version 2, Schema 2".
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import sha256

from stackup.errors import StackupError, UsageError
from stackup.images.refusal import ManifestInvalid, printable
from stackup.values import Data, Digest, Json

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
_INDEXES = (OCI_INDEX, DOCKER_INDEX)
_CONFIGS = (OCI_CONFIG, DOCKER_CONFIG)
_FIRST_SCHEMA = "application/vnd.docker.distribution.manifest.v1"
ACCEPTED = (*_MANIFESTS, *_INDEXES)
TEXT_MAX = 4 << 20
"""Bytes of a manifest; registries take no larger ones."""
CONFIG_MAX = 8 << 20
LAYERS_MAX = 512
ENTRIES_MAX = 1024
_JOINTS = str.maketrans("", "", "._-")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


@dataclass(frozen=True, slots=True)
class Platform:
    """`linux/arm/v7`. An empty variant fits any."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Raises UsageError: `platform:` is what a person wrote."""
        parts = text.split("/")
        if len(parts) == 1 and parts[0]:
            parts = ["linux", parts[0]]
        if not 2 <= len(parts) <= 3 or not all(part.translate(_JOINTS).isalnum() for part in parts):
            raise UsageError(f'"{text}" is not a platform', subject=text, hint="write linux/amd64 or linux/arm/v7")
        parts[1] = _ARCHITECTURES.get(parts[1], parts[1])
        return cls(*parts)

    @classmethod
    def here(cls) -> Platform:
        machine = os.uname().machine
        return cls("linux", _ARCHITECTURES.get(machine, machine), "v7" if machine == "armv7l" else "")

    def fit(self, other: Platform) -> int:
        """How well an image for `other` serves here; 0: not at all. Of arm's variants an older one does."""
        if (self.os, self.architecture) != (other.os, other.architecture):
            return 0
        mine, its = _generation(self), _generation(other)
        return 0 if its > mine else 100 - (mine - its)


def _generation(platform: Platform) -> int:
    usual = {"arm": 7, "arm64": 8, "amd64": 1}.get(platform.architecture, 0)
    number = platform.variant.removeprefix("v")
    return int(number) if number.isdigit() and len(number) < 3 else usual


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob or manifest by its digest, and how many bytes it has. `urls` of foreign layers are never followed."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None

    def to_data(self) -> Data:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class Manifest:
    config: Descriptor
    layers: tuple[Descriptor, ...]
    """The bottom one first."""

    def to_text(self) -> bytes:
        data: Data = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.config.to_data(),
            "layers": [layer.to_data() for layer in self.layers],
        }
        return json.dumps(data, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Index:
    manifests: tuple[Descriptor, ...]

    def choose(self, platform: Platform, subject: str) -> Descriptor:
        """The manifest for a platform; of equals the first. Raises StackupError that names those there are."""
        fits = [(platform.fit(item.platform), item) for item in self.manifests if item.platform is not None]
        best = max((fit for fit, _ in fits), default=0)
        if not best:
            there = ", ".join(sorted({str(item.platform) for _, item in fits if item.platform.os != "unknown"}))  # type: ignore[union-attr]
            raise StackupError(
                f'image "{subject}" does not exist for {platform}',
                subject=subject,
                hint=f"it exists for {printable(there)}" if there else "its index names no platform",
                code="no-such-platform",
            )
        return next(item for fit, item in fits if fit == best)


def digest_of(text: bytes) -> str:
    return f"sha256:{sha256(text).hexdigest()}"


def parse(text: bytes, media_type: str) -> Manifest | Index:
    """`media_type` is what the answer's header, or the descriptor that led here, says. Raises ManifestInvalid."""
    data = object_of(text)
    kind = _kind(data, media_type.partition(";")[0].strip())
    return _index(data) if kind in _INDEXES else _manifest(data)


def object_of(text: bytes) -> Data:
    if len(text) > TEXT_MAX:
        raise ManifestInvalid(f"a manifest has more than {TEXT_MAX >> 20} MiB")
    try:
        data = json.loads(text.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid("a manifest is not JSON") from error
    if not isinstance(data, dict):
        raise ManifestInvalid("a manifest is not an object")
    return data


def _unique(pairs: list[tuple[str, Json]]) -> Data:
    """Twice the same key could be read in two ways."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ManifestInvalid("a manifest says one thing twice")
    return found


def _kind(data: Data, header: str) -> str:
    stated = data.get("mediaType", "")
    if not isinstance(stated, str):
        raise ManifestInvalid('a manifest\'s "mediaType" is not text')
    if header.startswith(_FIRST_SCHEMA) or data.get("schemaVersion") == 1:
        raise ManifestInvalid(
            "the image is kept in the first manifest schema, which is not read here",
            hint="push it again with a tool of this decade",
        )
    if data.get("schemaVersion") != 2:
        raise ManifestInvalid('a manifest\'s "schemaVersion" is not 2')
    known = [kind for kind in (header, stated) if kind in ACCEPTED]
    if stated and header in ACCEPTED and stated != header:
        raise ManifestInvalid(f'a manifest came as "{header}" and says that it is "{printable(stated)}"')
    if not known:
        raise ManifestInvalid(f'"{printable(stated or header)}" is not the kind of an image')
    if "manifests" in data and ("layers" in data or "config" in data or "fsLayers" in data):
        raise ManifestInvalid("a text reads as a manifest and as an index")
    return known[0]


def _index(data: Data) -> Index:
    items = data.get("manifests")
    if not isinstance(items, list) or len(items) > ENTRIES_MAX:
        raise ManifestInvalid('an index\'s "manifests" is not a list of a sane length')
    found = tuple(descriptor(item, "manifests") for item in items)
    return Index(tuple(item for item in found if item.media_type in ACCEPTED))


def _manifest(data: Data) -> Manifest:
    config, layers = descriptor(data.get("config"), "config"), data.get("layers")
    if not isinstance(layers, list) or len(layers) > LAYERS_MAX:
        raise ManifestInvalid('a manifest\'s "layers" is not a list of a sane length')
    if config.media_type not in _CONFIGS:
        raise ManifestInvalid(
            f'this is not an image: its configuration is "{printable(config.media_type)}"',
            hint="it may be a chart, a signature or another artefact",
        )
    if config.size > CONFIG_MAX:
        raise ManifestInvalid(f"an image configuration has more than {CONFIG_MAX >> 20} MiB")
    return Manifest(config, tuple(descriptor(layer, "layers") for layer in layers))


def descriptor(item: Json, where: str) -> Descriptor:
    if not isinstance(item, dict):
        raise ManifestInvalid(f'a manifest\'s "{where}" is not a descriptor')
    kind, digest, size = item.get("mediaType"), item.get("digest"), item.get("size")
    if not isinstance(kind, str) or not isinstance(digest, str):
        raise ManifestInvalid(f'a descriptor of "{where}" lacks its kind or its digest')
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**63:
        raise ManifestInvalid(f'a descriptor of "{where}" lacks its size')
    try:
        Digest.parse(digest)
    except ValueError as error:
        raise ManifestInvalid(f'a descriptor of "{where}": {printable(str(error))}') from error
    return Descriptor(kind, digest, size, _platform(item.get("platform")))


def _platform(data: Json) -> Platform | None:
    if not isinstance(data, dict):
        return None
    words = [data.get(key) for key in ("os", "architecture", "variant")]
    return Platform(*(word if isinstance(word, str) else "" for word in words))
