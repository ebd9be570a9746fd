"""Archives of images, made by hand: what an honest tool would write, with one thing changed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.images import tarballs as t

LAYER = t.tarball(t.file("f", b"x"))


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def config(*layers: bytes, **more: Any) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{sha(layer)}" for layer in layers]}
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs, **more}).encode()


def blob(data: bytes) -> bytes:
    return t.file(f"blobs/sha256/{sha(data)}", data)


def descriptor(data: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": "x", "digest": f"sha256:{sha(data)}", "size": len(data), **more}


def manifest(text: bytes, *layers: bytes, **more: Any) -> bytes:
    return json.dumps(
        {"schemaVersion": 2, "config": descriptor(text), "layers": [descriptor(one) for one in layers], **more}
    ).encode()


def index(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": list(entries)}).encode()


def named(name: str) -> dict[str, Any]:
    return {"annotations": {"org.opencontainers.image.ref.name": name}}


def docker(text: bytes, *layers: bytes, tags: tuple[str, ...] = ("app:1",), order: str = "") -> bytes:
    """As old docker writes it, the description last; `order="first"` has it first."""
    listing = [
        {
            "Config": f"{sha(text)}.json",
            "RepoTags": list(tags),
            "Layers": [f"{at}/layer.tar" for at in range(len(layers))],
        }
    ]
    parts = [t.file(f"{at}/layer.tar", layer) for at, layer in enumerate(layers)]
    about = [t.file(f"{sha(text)}.json", text), t.file("manifest.json", json.dumps(listing).encode())]
    return t.tarball(*(about + parts if order == "first" else parts + about))


def oci(text: bytes, *layers: bytes, name: str = "docker.io/library/app:1") -> bytes:
    about = manifest(text, *layers)
    return t.tarball(
        t.file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
        t.file("index.json", index(descriptor(about, **named(name)))),
        *map(blob, dict.fromkeys((text, about, *layers))),
    )
