"""What the built-in engine knows of images, files and variables when a stack is translated. Read-only.

An image is looked for in the store, and only where that does not do at its registry: its manifest and configuration,
no layer, so that a plan knows everything before the first write.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from stackup.engines.builtin.contents import Contents, read_file
from stackup.engines.desire.facts import ImageFact, Look
from stackup.errors import StackupError
from stackup.images import reference
from stackup.images.manifest import Image, parse_image
from stackup.images.store import Store
from stackup.layout import Layout

if TYPE_CHECKING:
    from stackup.engines.builtin.foresight import Foresight
    from stackup.images.pull import Client, Found
    from stackup.values import Data

HOST = "host"
ASKED_AT_ONCE = 8
TRIES = 4


class HostFacts:
    """Implements `desire.facts.Facts`."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._layout = layout
        self._store = Store(layout.images_dir)
        self._environ = environ
        self._contents = Contents(layout)
        self._known: dict[tuple[str, Look], ImageFact | StackupError | None] = {}
        self._clients: dict[int, Client] = {}
        self._lock = threading.Lock()
        self._foresight: Foresight | None = None

    def image(self, text: str, look: Look) -> ImageFact | None:
        if reference.is_host(text):
            return ImageFact(HOST)
        self._learn(text, look)
        found = self._known[text, look]
        if isinstance(found, StackupError):
            raise found
        return found

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        """Registries are asked by several threads, the store by none."""
        far = [pair for pair in dict.fromkeys(asked) if not reference.is_host(pair[0]) and not self._is_near(*pair)]
        if len(far) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(len(far), ASKED_AT_ONCE)) as workers:
                list(workers.map(lambda pair: self._learn(*pair), far))

    def _learn(self, text: str, look: Look) -> None:
        if (text, look) not in self._known:
            try:
                self._known[text, look] = self._image(text, look)
            except StackupError as error:
                self._known[text, look] = error

    def _is_near(self, text: str, look: Look) -> bool:
        """A guess that costs little: what is wrong with a name is said when it is asked for."""
        try:
            return not look.ask or (self._store.resolve(text) is not None and self._due(text, look) > time.time())
        except StackupError:
            return True

    def _image(self, text: str, look: Look) -> ImageFact | None:
        image_id = self._store.resolve(text)
        here = parse_image(str(self._store.get(image_id)["config_text"])) if image_id else None
        until = self._due(text, look)
        if image_id and here and _serves(here, look) and (until > time.time() or not look.ask):
            return _fact(image_id, here, until=until)
        if not look.ask or _is_id(text):
            return None
        found = self._find(text, look)
        there = parse_image(found.config_text)
        if found.image_id == image_id and not look.age:
            return _fact(found.image_id, there, until=0.0)
        return _fact(found.image_id, there, fetch=_normal_form(found, look), until=0.0)

    def _due(self, text: str, look: Look) -> float:
        """When what is here is too old; content that is named by its digest never is."""
        if not look.ask or look.age == inf or "@" in text or _is_id(text):
            return inf
        return self._store.tagged_at(text) + look.age if look.age else 0.0

    def _find(self, text: str, look: Look) -> Found:
        from stackup.images.index import Platform
        from stackup.images.pull import connect, find  # urllib3, TLS: only when a registry is asked

        tries = 1 if look.once else TRIES
        with self._lock:
            client = self._clients.setdefault(tries, connect(self._environ, tries=tries))
        platform = Platform.parse(look.platform) if look.platform else None
        return find(client, reference.parse(text), platform)

    def built(self, form: Data, *, anyway: bool = False) -> ImageFact:
        from stackup.engines.builtin.foresight import Foresight  # the builder: only where something is built

        self._foresight = self._foresight or Foresight(self._layout, self._environ)
        return self._foresight.of(form, anyway=anyway)

    def file_digest(self, path: str) -> str:
        return self._contents.digest(read_file(path))

    def file_text(self, path: str, limit: int) -> str | None:
        try:
            data = read_file(path)
        except StackupError:
            return None
        return data.decode(errors="replace") if len(data) <= limit else None

    def has_security_module(self, name: str) -> bool:
        try:
            with open(f"/sys/module/{name}/parameters/enabled", encoding="ascii") as file:
                return file.read().strip() == "Y"
        except OSError:
            return False

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def mounts_of(self, container: str) -> dict[str, Any] | None:
        from stackup.engines.builtin.rows import claim_of  # for the few stacks that ask

        claim = claim_of(self._layout, container)
        if claim is None:
            return None
        names = claim["given"].get("volumes", {})
        return {
            target: {**mount, "source": names.get(mount["source"], mount["source"])}
            for target, mount in claim["spec"]["mounts"].items()
        }

    def variable(self, name: str) -> str | None:
        return self._environ.get(name)

    def seal(self, text: str) -> tuple[str, str]:
        return self._contents.seal(text)

    def stored(self, kind: str, name: str) -> str | None:
        found = self._contents.vault.find(kind, name)
        return found["digest"] if found else None


def _is_id(text: str) -> bool:
    """An image that is meant by its own id has no name that a registry could know."""
    return text.startswith("sha256:") or reference.is_hex_id(text)


def _fact(image_id: str, image: Image, **rest: object) -> ImageFact:
    config = image.config
    return ImageFact(image_id, config.healthcheck is not None, tuple(config.volumes), **rest)  # type: ignore[arg-type]


def _serves(image: Image, look: Look) -> bool:
    """An image that was imported may not say what it is for."""
    from stackup.images.index import Platform

    if not look.platform or not image.architecture:
        return True
    return bool(Platform.parse(look.platform).fit(Platform(image.os, image.architecture, image.variant)))


def _normal_form(found: Found, look: Look) -> Data:
    return {
        "name": found.reference.familiar,
        "reference": str(found.reference),
        "image": found.image_id,
        "digest": found.digest,
        "platform": look.platform,
        "size": sum(layer.size for layer in found.manifest.layers),
    }
