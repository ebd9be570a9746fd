"""A stack file that is kept in a registry: an OCI artefact whose layers are the files, by names that it chose itself.

The form is docker compose's own (`publish`): the kinds below, and annotations for the names. The names are hostile:
only a plain one becomes a file (CVE-2025-62725 wrote wherever an annotation said).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

from stackup.errors import RemoteError
from stackup.images.index import OCI_MANIFEST, Descriptor, descriptor, digest_of, object_of
from stackup.images.pull import Client
from stackup.images.reference import Reference
from stackup.images.refusal import ManifestInvalid, printable
from stackup.images.registry import Fetched, Registry
from stackup.values import Data, Json

PROJECT = "application/vnd.docker.compose.project"
STACK_FILE = "application/vnd.docker.compose.file+yaml"
ENV_FILE = "application/vnd.docker.compose.envfile"
EMPTY = "application/vnd.oci.empty.v1+json"
FILE_NAME = "com.docker.compose.file"
ENV_NAME = "com.docker.compose.envfile"
EXTENDED = "com.docker.compose.extends"
MAX_FILES = 100
MAX_BYTES = 10 << 20
MAIN = "compose.yaml"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the artefact; `main` ones make the stack, the others are named by them."""

    name: str
    blob: Descriptor
    main: bool


@dataclass(frozen=True, slots=True)
class Artifact:
    reference: Reference
    registry: Registry
    digest: str
    parts: tuple[Part, ...]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts if part.main)

    def write(self, folder: str) -> None:
        """All files into an empty folder, each verified before it is written."""
        root_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in self.parts:
                content = self.registry.small_blob(self.reference.repository, part.blob.digest, part.blob.size)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                with os.fdopen(os.open(part.name, flags, 0o600, dir_fd=root_fd), "wb") as file:
                    file.write(content)
        finally:
            os.close(root_fd)


def find(client: Client, reference: Reference) -> Artifact:
    """Raises RemoteError, ManifestInvalid. No mirror is asked: they mirror images."""
    registry = client.registry(reference.registry)
    found = registry.manifest(reference.repository, reference.digest or reference.tag)
    return Artifact(reference, registry, found.digest, _parts(found, reference.familiar))


def _parts(found: Fetched, name: str) -> tuple[Part, ...]:
    data = object_of(found.text)
    if data.get("schemaVersion") != 2 or data.get("artifactType", PROJECT) != PROJECT or "manifests" in data:
        raise _no_stack(name)
    layers = data.get("layers")
    if not isinstance(layers, list) or len(layers) > MAX_FILES:
        raise ManifestInvalid('a manifest\'s "layers" is not a list of a sane length')
    parts = _named(layers, name)
    if not any(part.main for part in parts):
        raise _no_stack(name)
    names = [part.name for part in parts]
    if len(set(names)) != len(names):
        raise _refused(name, "has two files of one name")
    if sum(part.blob.size for part in parts) > MAX_BYTES:
        raise _refused(name, f"has more than {MAX_BYTES >> 20} MiB")
    return parts


def _named(layers: list[Json], name: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    for layer in layers:
        blob = descriptor(layer, "layers")
        notes = layer.get("annotations") if isinstance(layer, dict) else None
        notes = notes if isinstance(notes, dict) else {}
        if blob.media_type == ENV_FILE:
            parts.append(Part(_plain(notes.get(ENV_NAME), name), blob, main=False))
        elif blob.media_type == STACK_FILE and notes.get(EXTENDED) == "true":
            parts.append(Part(_plain(notes.get(FILE_NAME), name), blob, main=False))
        elif blob.media_type == STACK_FILE:
            _plain(notes.get(FILE_NAME, MAIN), name)
            number = sum(part.main for part in parts)
            parts.append(Part(f"compose.{number}.yaml" if number else MAIN, blob, main=True))
    return tuple(parts)


def _plain(text: Json, name: str) -> str:
    if not isinstance(text, str) or not text.isprintable() or len(text.encode()) > 255:
        raise _refused(name, "has a file without a sound name")
    if text in ("", ".", "..") or "/" in text:
        raise _refused(name, f'names a file "{printable(text)}", which is not in its own folder')
    return text


def _refused(name: str, why: str) -> RemoteError:
    return RemoteError(f'"{name}" {why}', subject=name, hint="nothing of it was kept", code="remote-refused")


def _no_stack(name: str) -> RemoteError:
    hint = "it may be an image; a stack gets into a registry with `publish`"
    return RemoteError(f'"{name}" is no stack', subject=name, hint=hint)


@dataclass(frozen=True, slots=True)
class Published:
    """A file as it goes to a registry; `name` is its own, `main` as in Part."""

    name: str
    content: bytes
    main: bool

    @property
    def blob(self) -> Descriptor:
        is_env = not self.main and self.name.endswith(".env")
        return Descriptor(ENV_FILE if is_env else STACK_FILE, digest_of(self.content), len(self.content))

    @property
    def annotations(self) -> dict[str, Json]:
        if self.blob.media_type == ENV_FILE:
            return {ENV_NAME: self.name}
        return {FILE_NAME: self.name, **({} if self.main else {EXTENDED: "true"})}


def publish(client: Client, reference: Reference, files: Sequence[Published]) -> str:
    """What `find` reads; the digest of the manifest. Raises RemoteError when the registry does not take it."""
    registry, repository = client.registry(reference.registry), reference.repository
    layers: list[Json] = [{**file.blob.to_data(), "annotations": file.annotations} for file in files]
    empty = b"{}"
    config = Descriptor(EMPTY, digest_of(empty), len(empty))
    for digest, content in ((config.digest, empty), *((file.blob.digest, file.content) for file in files)):
        if not registry.has_blob(repository, digest):
            registry.upload(repository, registry.begin(repository), digest, content, len(content))
    manifest: Data = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": PROJECT,
        "config": config.to_data(),
        "layers": layers,
    }
    text = json.dumps(manifest, separators=(",", ":")).encode()
    registry.put_manifest(repository, reference.tag, text, OCI_MANIFEST)
    return digest_of(text)
