"""From a reference to an image in the store: found first, without a layer; then its layers, several at a time.

A layer streams from the socket through its decompression into its files. It gets its name when the digest of what came
and the digest of what it unpacked to are both right; until then it is a draft, which a kill or an error leaves as
litter. What is held in memory is a few chunks a layer, however large the layer.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from stackup.errors import RemoteError, Unsupported
from stackup.images import origin
from stackup.images.access import Access, Endpoint
from stackup.images.credentials import Keychain
from stackup.images.importer import unpack_layer
from stackup.images.index import Descriptor, Index, Manifest, Platform, parse
from stackup.images.manifest import parse_image
from stackup.images.reference import Reference
from stackup.images.refusal import ManifestInvalid
from stackup.images.registry import PAUSE_S, Fetched, Pause, Registry, interrupted, wrong_digest
from stackup.images.registry import TRIES as CALLS
from stackup.images.store import Store
from stackup.images.transport import Network, Offline, Response, Transport, Unreachable
from stackup.values import Data

PARALLEL = 3
TRIES = 3
_CHUNK = 1 << 16

Told = Callable[[str, int, int], None]
"""Part (a digest), bytes of it that are here, bytes that it has."""


def tell_nobody(part: str, done: int, total: int) -> None:
    return None


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


class Client:
    """Every registry that a command asks, each opened once. `pause` sleeps; it says when the user wants no more."""

    def __init__(
        self,
        access: Access,
        transport: Transport | None = None,
        pause: Pause = _sleep,
        keychain: Keychain | None = None,
        tries: int = CALLS,
    ) -> None:
        self.access = access
        self.keychain = keychain or Keychain(access.environ)
        self.pause = pause
        self._tries = tries
        self._transport = Offline() if access.offline else transport or Network(access)
        self._open: dict[str, Registry] = {}
        self._lock = threading.Lock()

    def registries(self, name: str) -> list[Registry]:
        """To pull from: the mirrors first, the registry itself last."""
        return [self._registry(endpoint) for endpoint in self.access.endpoints(name)]

    def registry(self, name: str) -> Registry:
        """The registry itself."""
        return self.registries(name)[-1]

    def _registry(self, endpoint: Endpoint) -> Registry:
        with self._lock:
            if endpoint.base not in self._open:
                self._open[endpoint.base] = Registry(
                    endpoint, self._transport, self.keychain, self.pause, tries=self._tries
                )
            return self._open[endpoint.base]


def connect(
    environ: Mapping[str, str], pause: Pause = _sleep, keychain: Keychain | None = None, *, tries: int = CALLS
) -> Client:
    """The client that a command has: proxies, logins and their places are the caller's. `tries` of a call that fails
    for a reason that may pass."""
    return Client(Access.from_environment(environ, uid=os.geteuid()), None, pause, keychain, tries)


@dataclass(frozen=True, slots=True)
class Found:
    """An image at its registry: everything about it but its layers. `digest` is the reference's, maybe an index's."""

    reference: Reference
    registry: Registry
    digest: str
    manifest: Manifest
    texts: tuple[Fetched, ...]
    config_text: str

    @property
    def image_id(self) -> str:
        return f"sha256:{hashlib.sha256(self.config_text.encode()).hexdigest()}"


def find(client: Client, reference: Reference, platform: Platform | None = None) -> Found:
    """Asks mirrors, then the registry. Raises RemoteError, ManifestInvalid, StackupError for another platform."""
    registries = client.registries(reference.registry)
    for registry in registries[:-1]:
        try:
            return _find(registry, reference, platform or Platform.here())
        except (RemoteError, ManifestInvalid):
            continue  # a mirror may lack it, lag behind or be gone
    try:
        return _find(registries[-1], reference, platform or Platform.here())
    except RemoteError as error:
        if error.code != "not-found":
            raise
        hint = "check its name and tag, and whether you are logged in where it is private"
        text = f'there is no image "{reference.familiar}" at "{reference.registry}"'
        raise RemoteError(text, subject=reference.familiar, hint=hint, code="not-found") from error


def _find(registry: Registry, reference: Reference, platform: Platform) -> Found:
    name, repository = reference.familiar, reference.repository
    first = registry.manifest(repository, reference.digest or reference.tag)
    texts, parsed = [first], parse(first.text, first.media_type)
    if isinstance(parsed, Index):
        chosen = parsed.choose(platform, name)
        texts.append(registry.manifest(repository, chosen.digest))
        if len(texts[1].text) != chosen.size:
            raise wrong_digest(chosen.digest, name)
        parsed = parse(texts[1].text, chosen.media_type)
    if isinstance(parsed, Index):
        raise ManifestInvalid(f'"{name}" is an index of indexes', subject=name)
    config = registry.small_blob(repository, parsed.config.digest, parsed.config.size)
    _check_config(config, parsed, platform, name)
    return Found(reference, registry, first.digest, parsed, tuple(texts), config.decode())


def _check_config(text: bytes, manifest: Manifest, platform: Platform, name: str) -> None:
    """A manifest without an index names no platform; the configuration does."""
    try:
        image = parse_image(text.decode())
    except UnicodeDecodeError as error:
        raise ManifestInvalid(f'the configuration of "{name}" is not UTF-8', subject=name) from error
    if len(image.diff_ids) != len(manifest.layers):
        raise ManifestInvalid(f'"{name}" has another number of layers than its configuration says', subject=name)
    if any(digest.algorithm != "sha256" for digest in image.diff_ids):
        raise Unsupported(f'"{name}" has layers that are not known by their sha256', subject=name)
    itself = Platform(image.os, image.architecture, image.variant)
    if image.architecture:
        Index((Descriptor("", "", 0, itself),)).choose(platform, name)


class Puller:
    """Brings images into a store. One of them for several images: a layer that two have comes once."""

    def __init__(self, store: Store, pause: Pause = _sleep, parallel: int = PARALLEL) -> None:
        self._store = store
        self._pause = pause
        self._slots = threading.Semaphore(parallel)
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def pull(self, found: Found, told: Told = tell_nobody) -> str:
        """The image's id. Nothing has its name before all of it is here; what came before an error is kept."""
        diff_ids = tuple(str(digest) for digest in parse_image(found.config_text).diff_ids)
        pairs = list(dict.fromkeys(zip(found.manifest.layers, diff_ids, strict=True)))
        for layer, _ in pairs:
            told(layer.digest, 0, layer.size)
        with self._store.writing():  # until it has its name, no prune takes what is here already
            with ThreadPoolExecutor(max(1, len(pairs))) as workers:
                jobs = [workers.submit(self._layer, found, layer, diff_id, told) for layer, diff_id in pairs]
            _first_error(job.exception() for job in jobs)
            return self._publish(found, diff_ids)

    def _publish(self, found: Found, diff_ids: tuple[str, ...]) -> str:
        reference = found.reference
        image_id = self._store.add_image(found.config_text, diff_ids, created=_created(found.config_text))
        for fetched in found.texts:
            kept: Data = {
                "text": fetched.text.decode(),
                "media_type": fetched.media_type,
                "repository": f"{reference.registry}/{reference.repository}",
            }
            origin.keep(self._store, image_id, fetched.digest, kept)
        self._store.tag(image_id, str(reference), digest=found.digest)
        return image_id

    def _layer(self, found: Found, layer: Descriptor, diff_id: str, told: Told) -> None:
        with self._locks[diff_id], self._slots:
            if not self._store.has_layer(diff_id):
                self._fetch(found, layer, diff_id, told)
        told(layer.digest, layer.size, layer.size)

    def _fetch(self, found: Found, layer: Descriptor, diff_id: str, told: Told) -> None:
        blob = Blob(found.registry, found.reference.repository, layer, self._pause, told)

        def verify(unpacked: str) -> None:
            blob.finish()
            if unpacked != diff_id:
                raise wrong_digest(diff_id, found.reference.familiar)

        try:
            unpack_layer(self._store, blob, f"{found.reference.familiar}, layer {layer.digest}", verify=verify)
        finally:
            blob.close()


@dataclass(slots=True)
class Blob:
    """A layer's bytes as they come; a connection that breaks is taken up where it broke."""

    registry: Registry
    repository: str
    layer: Descriptor
    pause: Pause
    told: Told
    _offset: int = 0
    _failures: int = 0
    _answer: Response | None = None
    _hash: hashlib._Hash = field(init=False)

    def __post_init__(self) -> None:
        self._hash = hashlib.new(self.layer.digest.partition(":")[0])

    def read(self, size: int, /) -> bytes:
        while self._offset < self.layer.size:
            if self.pause(0):
                raise interrupted(self.registry.endpoint.registry)
            try:
                self._answer = self._answer or self._open()
                piece = self._answer.read(min(size, self.layer.size - self._offset))
            except Unreachable as error:
                self._again(error)
                continue
            if piece:
                return self._took(piece)
            self._again(self._wrong_size())
        return b""

    def finish(self) -> None:
        """To the end, and only if these were the right bytes. Raises RemoteError."""
        while self.read(_CHUNK):
            pass
        if self._answer is not None and self._answer.read(1):
            raise self._wrong_size()
        if self._hash.hexdigest() != self.layer.digest.partition(":")[2]:
            raise wrong_digest(self.layer.digest, self.repository)

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _took(self, piece: bytes) -> bytes:
        self._hash.update(piece)
        self._offset += len(piece)
        self._failures = 0
        self.told(self.layer.digest, min(self._offset, self.layer.size - 1), self.layer.size)
        return piece

    def _open(self) -> Response:
        answer = self.registry.blob(self.repository, self.layer.digest, self._offset)
        skip = self._offset if answer.status == 200 else 0
        try:
            while skip and (piece := answer.read(min(skip, _CHUNK))):
                skip -= len(piece)
        except RemoteError:
            answer.close()
            raise
        return answer

    def _again(self, error: RemoteError) -> None:
        self.close()
        self._failures += 1
        if self._failures > TRIES or self.pause(PAUSE_S * 2**self._failures):
            raise error

    def _wrong_size(self) -> RemoteError:
        name = self.repository
        text = f'"{name}": layer "{self.layer.digest}" has not the {self.layer.size} bytes that it should have'
        return RemoteError(text, subject=name, hint="try again, or ask whoever runs the registry", code="digest")


def _first_error(errors: Iterable[BaseException | None]) -> None:
    for error in errors:
        if error is not None:
            raise error


def _created(config_text: str) -> float:
    """When the image was built, as its configuration says; now, when it says nothing of use."""
    text = json.loads(config_text).get("created")
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else time.time()
    except (ValueError, OverflowError):
        return time.time()
