"""What names of images are held to: the content of a lock, as a value.

Pure. A name that a registry knows is held to the digest that it had there; one that was only ever here, to its image's
id, a platform each. Either way what it is held to is again something that the store resolves, so whoever looks for an
image asks `Locked` first and does nothing else differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stackup.errors import UsageError
from stackup.images.index import Platform
from stackup.images.reference import Reference, is_hex_id, is_host, parse

_ID = "sha256:"


@dataclass(frozen=True, slots=True)
class Content:
    """`digest` is the registry's, of an index or a manifest, empty where none knows it; `images`: platform to id."""

    digest: str = ""
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Locked:
    """By the name in full. `strict`: a name that is not among them is an error. `own` are names that are built here:
    their inputs say what they are. `built`: services whose images were built elsewhere, each platform to an id."""

    names: Mapping[str, Content] = field(default_factory=dict)
    strict: bool = False
    own: frozenset[str] = frozenset()
    built: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def content(self, text: str) -> Content | None:
        reference = movable(text)
        return self.names.get(str(reference)) if reference else None

    def pinned(self, text: str, platform: str = "") -> str | None:
        """What to look for instead: the text itself when it cannot move, None when it is not locked."""
        reference = movable(text)
        if reference is None or str(reference) in self.own:
            return text
        found = self.names.get(str(reference), Content())
        if found.digest:
            return str(Reference(reference.registry, reference.repository, reference.tag, found.digest))
        return found.images.get(platform_of(platform))

    def all_pinned(self) -> dict[str, str]:
        """For this machine's platform, by the name in full."""
        pairs = ((name, self.pinned(name)) for name in sorted(self.names.keys() - self.own))
        return {name: pin for name, pin in pairs if pin is not None}


def movable(text: str) -> Reference | None:
    """A name that may mean something else tomorrow; None for a digest, an id, the machine, and no name at all."""
    if is_host(text) or text.startswith(_ID) or is_hex_id(text):
        return None
    try:
        reference = parse(text)
    except UsageError:
        return None
    return None if reference.digest else reference


def platform_of(text: str) -> str:
    """As a lock writes it: this machine's when nothing is said. What is no platform is for others to complain of."""
    try:
        return str(Platform.parse(text) if text else Platform.here())
    except UsageError:
        return text
