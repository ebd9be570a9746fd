"""What a bundle says of itself: which image each service runs, how its files are to be named, what is not in it.

One JSON document among the files of the archive. Reading is strict, since it comes from anywhere; what it claims of
images is not believed here, only read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stackup.images.index import object_of
from stackup.images.locked import Content, Locked, movable
from stackup.images.refusal import ArchiveRefused, printable
from stackup.images.saving import OURS
from stackup.stackfile.discover import is_name

FORMAT = 1
PATH = f"{OURS}/bundle.json"
FILES = f"{OURS}/files/"


@dataclass(frozen=True, slots=True)
class Use:
    """An image that a service runs or mounts. `digest` is what a registry knows it by, empty where none does; `built`:
    the service is built, and need not be. `platform` is never empty."""

    service: str
    reference: str
    platform: str
    image: str
    digest: str = ""
    built: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """A manifest's text is in the archive under its digest."""

    image: str
    digest: str
    media_type: str
    repository: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """`folder`: the stack's own among the files, empty for their top; the paths of `files` and `env_files` hang there.

    `modes`: permission bits of a file, where it has others than a file usually has. `variables` had a value where the
    bundle was made. `left` says in words what the stack needs besides.
    """

    stack: str
    uses: tuple[Use, ...]
    origins: tuple[Origin, ...] = ()
    folder: str = ""
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    modes: Mapping[str, int] = field(default_factory=dict)

    def to_text(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True).encode()

    def lock(self) -> Locked:
        """Raises ArchiveRefused for a name that would be two things at once."""
        names, built = dict[str, Content](), dict[str, dict[str, str]]()
        for use in self.uses:
            reference = movable(use.reference)
            if use.built:
                _put(built.setdefault(use.service, {}), use)
            elif reference is not None:
                held = names.setdefault(str(reference), Content(use.digest, {}))
                images = dict(held.images)
                _put(images, use)
                names[str(reference)] = Content(held.digest or use.digest, images)
        return Locked(names, strict=True, built=built)


def _put(images: dict[str, str], use: Use) -> None:
    if images.setdefault(use.platform, use.image) != use.image:
        raise refused(f'"{use.reference}" is two images at once', use.reference)


def refused(why: str, subject: str = "") -> ArchiveRefused:
    return ArchiveRefused(f"the bundle is not sound: {why}", subject=subject, hint="nothing of it was kept")


def parse(text: bytes) -> Inventory:
    """Raises ArchiveRefused, and ManifestInvalid for what is no JSON object."""
    data: Any = object_of(text)
    if data.pop("format", None) != FORMAT:
        hint = "a newer stackup may have made it"
        raise ArchiveRefused(f"the bundle has not the format {FORMAT}", subject=PATH, hint=hint)
    lists = {key: _texts(data, key) for key in ("files", "env_files", "profiles", "variables", "left")}
    found = Inventory(
        _text(data, "stack"),
        tuple(Use(**row) for row in _rows(data, "uses", Use)),
        tuple(Origin(**row) for row in _rows(data, "origins", Origin)),
        _text(data, "folder"),
        modes=_modes(data.get("modes")),
        **lists,
    )
    if not is_name(found.stack):
        raise refused(f'"{printable(found.stack)}" is no name of a stack', found.stack)
    return found


def _rows(data: dict[str, Any], key: str, kind: Any) -> Iterable[dict[str, Any]]:
    """Objects with just the fields that the kind has, each of its type."""
    rows: Any = data.get(key)
    kinds = {name: bool if name == "built" else str for name in kind.__slots__}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() == kinds.keys() for row in rows):
        raise refused(f'"{key}" is not what it should be', key)
    if not all(isinstance(row[name], of) for row in rows for name, of in kinds.items()):
        raise refused(f'"{key}" has something of a wrong type', key)
    return rows


def _modes(found: Any) -> dict[str, int]:
    if not isinstance(found, dict) or not all(type(mode) is int and 0 <= mode <= 0o777 for mode in found.values()):
        raise refused('"modes" is not what it should be', "modes")
    return found


def _texts(data: dict[str, Any], key: str) -> tuple[str, ...]:
    found = data.get(key)
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise refused(f'"{key}" is no list of texts', key)
    return tuple(found)


def _text(data: dict[str, Any], key: str) -> str:
    found = data.get(key)
    if not isinstance(found, str):
        raise refused(f'"{key}" is no text', key)
    return found
