"""That an image is what a registry knows by a digest, shown by the texts of its manifests alone.

A manifest names its image by the digest of the configuration, which is the image's id; an index names manifests by
theirs. So the texts are proof wherever they come from, and no registry has to be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stackup.errors import UsageError
from stackup.images import origin
from stackup.images.index import Index, digest_of, parse
from stackup.images.reference import parse as parse_reference
from stackup.images.refusal import ManifestInvalid
from stackup.images.store import Store


@dataclass(frozen=True, slots=True)
class Proof:
    """A manifest or an index of an image, and the repository that has it, `registry/path`."""

    text: str
    media_type: str
    repository: str

    @property
    def digest(self) -> str:
        return digest_of(self.text.encode())


def proofs_of(store: Store, image_id: str) -> dict[str, Proof]:
    """What is kept of an image, by digest; a digest of another sort than sha256 is none that we could check."""
    notes = [note for note in origin.kept(store, image_id) if str(note["digest"]).startswith("sha256:")]
    return {str(note["digest"]): Proof(*(str(note[key]) for key in Proof.__slots__)) for note in notes}


def keep(store: Store, image_id: str, proof: Proof) -> None:
    said = {key: getattr(proof, key) for key in Proof.__slots__}
    origin.keep(store, image_id, proof.digest, said)


def check(proofs: Mapping[str, Proof], image_id: str) -> None:
    """Raises ManifestInvalid for one that has another digest than its own, or that does not lead to the image."""
    found = {digest: parse(proof.text.encode(), proof.media_type) for digest, proof in proofs.items()}
    leading = {digest for digest, one in found.items() if not isinstance(one, Index) and one.config.digest == image_id}
    for digest, one in found.items():
        indirectly = isinstance(one, Index) and any(item.digest in leading for item in one.manifests)
        if proofs[digest].digest != digest or not (digest in leading or indirectly):
            raise ManifestInvalid(f'"{digest}" is not a name of the image {image_id}', subject=digest)
        _check_repository(proofs[digest].repository)


def _check_repository(text: str) -> None:
    try:
        reference = parse_reference(text)
    except UsageError as error:
        raise ManifestInvalid(f"a manifest comes from nowhere: {error.message}", subject=text) from error
    if reference.digest or text != f"{reference.registry}/{reference.repository}":
        raise ManifestInvalid(f'"{text}" is no repository', subject=text)
