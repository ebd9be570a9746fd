"""A network made of functions: each host answers what its function says, and every request is kept.

`Shelf` is a registry on it that keeps blobs and manifests in dictionaries and obeys the distribution specification.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stackup.images.index import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from stackup.images.transport import Request, Unreachable, check_peer
from tests.images import tarballs as t

PUBLIC = "93.184.216.34"
HOST = "registry.example"


class Answer:
    """`breaks_after`: how many bytes come before the connection is gone."""

    def __init__(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, breaks_after: int = -1
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = dict(headers or {})
        self.peer = PUBLIC
        self.closed = False
        self._body = body
        self._breaks = breaks_after

    def read(self, size: int, /) -> bytes:
        if self._breaks >= 0:
            size = min(size, self._breaks)
            if not size:
                raise Unreachable("it broke off")
            self._breaks -= size
        piece, self._body = self._body[:size], self._body[size:]
        return piece

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeNet:
    """`addresses` is what names lead to; a name without one is on the public internet."""

    hosts: dict[str, Callable[[Request], Answer]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        peer = self.addresses.get(request.host, PUBLIC)
        check_peer(request.sender, peer, request.host)
        self.requests.append(request)
        if request.host not in self.hosts:
            raise Unreachable(f"{request.host} is not there")
        answer = self.hosts[request.host](request)
        answer.peer = peer
        return answer

    def shown_to(self, host: str) -> list[str]:
        """The credentials that a host has seen."""
        return [
            request.headers["Authorization"]
            for request in self.requests
            if request.host == host and "Authorization" in request.headers
        ]


@dataclass
class Shelf:
    """`before` may answer in its place, to misbehave."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    config: Mapping[str, object] = field(
        default_factory=lambda: {
            "Cmd": ["/hello"],
            "Healthcheck": {"Test": ["CMD", "/hello"]},
            "Volumes": {"/data": {}},
        }
    )
    before: Callable[[Request], Answer | None] = lambda request: None

    def __call__(self, request: Request) -> Answer:
        special = self.before(request)
        if special is not None:
            return special
        what, name = urlsplit(request.url).path.rpartition("/")[::2]
        if what.endswith("/manifests") and name in self.manifests:
            kind, text = self.manifests[name]
            return Answer(200, text, {"content-type": kind, "docker-content-digest": digest(text)})
        if what.endswith("/blobs") and name in self.blobs:
            return part(self.blobs[name], request)
        return Answer(404, b'{"errors": [{"code": "UNKNOWN", "message": "unknown"}]}')

    def add_blob(self, data: bytes) -> str:
        self.blobs[digest(data)] = data
        return digest(data)

    def add_manifest(self, data: object, kind: str, *names: str) -> str:
        text = json.dumps(data).encode()
        for name in (digest(text), *names):
            self.manifests[name] = (kind, text)
        return digest(text)

    def add_image(
        self,
        *names: str,
        architecture: str = "amd64",
        layers: tuple[bytes, ...] = (),
        command: tuple[str, ...] = (),
        **extra: object,
    ) -> str:
        """Layers are tar archives, kept as gzip; returns the manifest's digest."""
        archives = layers or (t.tarball(t.file("hello", b"hello")),)
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": list(command)} if command else self.config,
            "rootfs": {"type": "layers", "diff_ids": [digest(archive) for archive in archives]},
        }
        blobs = [packed(archive) for archive in archives]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.described(json.dumps(config).encode(), OCI_CONFIG),
            "layers": [self.described(blob, OCI_LAYER) for blob in blobs],
            **extra,
        }
        return self.add_manifest(manifest, OCI_MANIFEST, *names)

    def add_index(self, *names: str, **manifests: str) -> str:
        """Architecture to the manifest's digest."""
        entries = [
            {
                "mediaType": OCI_MANIFEST,
                "digest": value,
                "size": len(self.manifests[value][1]),
                "platform": {"os": "linux", "architecture": key},
            }
            for key, value in manifests.items()
        ]
        return self.add_manifest({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, OCI_INDEX, *names)

    def described(self, data: bytes, kind: str) -> dict[str, object]:
        return {"mediaType": kind, "digest": self.add_blob(data), "size": len(data)}


def part(data: bytes, request: Request, breaks_after: int = -1) -> Answer:
    start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    return Answer(206 if start else 200, data[start:], breaks_after=breaks_after)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def packed(archive: bytes) -> bytes:
    return gzip.compress(archive, 1, mtime=0)
