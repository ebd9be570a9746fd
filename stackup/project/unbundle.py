"""What a bundle brings: its stack's files in a folder, its images in the store, and a lock that holds one to the other.

Everything is looked at before anything is kept: images by their digests, the digests that registries gave them by
their manifests, files by their places, the stack by loading it where it lies aside. Nobody is asked, no socket opened.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.errors import UsageError
from stackup.images import loading, provenance
from stackup.images.locked import Locked, movable
from stackup.images.provenance import Proof
from stackup.images.reference import is_host
from stackup.images.refusal import ArchiveRefused, disk, printable
from stackup.images.saving import blob_path
from stackup.project import inventory, lockfile
from stackup.project.image import store
from stackup.project.inventory import FILES, PATH, Inventory
from stackup.project.resolve import load
from stackup.project.session import Where
from stackup.stackfile.discover import NAMES

if TYPE_CHECKING:
    from stackup.images.compression import ByteSource
    from stackup.images.store import Store
    from stackup.project.session import Session

OTHERS = ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "COMPOSE_PROJECT_NAME")
"""Variables that speak of another stack."""


@dataclass(frozen=True, slots=True)
class Unbundled:
    """Where the stack is now. `refused`: names that go on naming another image on this machine; the stack has its own
    all the same, by its lock."""

    folder: str
    inventory: Inventory
    files: int
    images: int
    refused: tuple[str, ...]


def unbundle(session: Session, source: ByteSource, subject: str, directory: str = "") -> Unbundled:
    """Into `directory`, which is made, else into a folder with the stack's name. The session is the stack's then."""
    images, arrival = store(session), _Arrival(session, directory)
    try:
        with images.writing():
            found = loading.load(images, source, subject, agree=arrival.agree)
            refused = _name(images, arrival)
            arrival.settle()
    finally:
        arrival.close()
    return Unbundled(arrival.folder, arrival.inventory, arrival.files, len(found), refused)


def _name(images: Store, arrival: _Arrival) -> tuple[str, ...]:
    """No name is taken from another image (T17)."""
    refused = []
    for image, proofs in arrival.proofs.items():
        for proof in proofs.values():
            provenance.keep(images, image, proof)
    for use in arrival.inventory.uses:
        reference = movable(use.reference)
        if reference is not None:
            if images.resolve(str(reference)) in (None, use.image):
                images.tag(use.image, str(reference), digest=use.digest)
            else:
                refused.append(use.reference)
    return tuple(dict.fromkeys(refused))


@dataclass(slots=True)
class _Arrival:
    """The files of a bundle, aside until everything is sound."""

    session: Session
    directory: str
    inventory: Inventory = field(init=False)
    proofs: dict[str, dict[str, Proof]] = field(default_factory=dict)
    files: int = 0
    folder: str = ""
    _aside: str = ""

    def agree(self, texts: Mapping[str, bytes], images: frozenset[str]) -> None:
        if PATH not in texts:
            hint = "images alone come in with: stackup image load"
            raise ArchiveRefused("this archive is no bundle", subject=PATH, hint=hint)
        self.inventory = inventory.parse(texts[PATH])
        self._check_images(texts, images)
        self._choose_folder()
        self._write({path.removeprefix(FILES): text for path, text in texts.items() if path.startswith(FILES)})
        locked = self.inventory.lock()
        self._check_stack(locked, images)
        lockfile.write(os.path.join(self._inside, lockfile.NAME), locked)

    def settle(self) -> None:
        """Gives the folder its name."""
        with disk(self.folder):
            os.rename(os.path.join(self._aside, os.path.basename(self.folder)), self.folder)
        self.session.where = self._where(os.path.join(self.folder, self.inventory.folder))

    def close(self) -> None:
        if self._aside:
            shutil.rmtree(self._aside, ignore_errors=True)

    def _check_images(self, texts: Mapping[str, bytes], images: frozenset[str]) -> None:
        for origin in self.inventory.origins:
            text = texts.get(blob_path(origin.digest))
            if text is None:
                raise inventory.refused(f"it lacks the manifest {printable(origin.digest)}", origin.digest)
            proof = Proof(text.decode("utf-8", "replace"), origin.media_type, origin.repository)
            self.proofs.setdefault(origin.image, {})[origin.digest] = proof
        for image, proofs in self.proofs.items():
            provenance.check(proofs, image)
        for use in self.inventory.uses:
            if use.image not in images:
                raise inventory.refused(f'its image for "{printable(use.reference)}" is not there', use.reference)
            if use.digest and use.digest not in self.proofs.get(use.image, {}):
                raise inventory.refused(f'"{printable(use.reference)}" has not the digest it says', use.reference)

    def _choose_folder(self) -> None:
        here = self.session.where.directory
        self.folder = os.path.normpath(os.path.join(here, self.directory or self.inventory.stack))
        if os.path.lexists(self.folder) and (not os.path.isdir(self.folder) or os.listdir(self.folder)):
            hint = "name another folder with -C"
            raise UsageError(f'"{self.folder}" is there already', subject=self.folder, hint=hint)

    @property
    def _inside(self) -> str:
        """The stack's own folder, aside."""
        return os.path.normpath(os.path.join(self._aside, os.path.basename(self.folder), self.inventory.folder))

    def _write(self, files: Mapping[str, bytes]) -> None:
        """Paths are relative and clean: the reader of archives has seen to it. The folder is ours alone meanwhile."""
        parent, name = os.path.split(self.folder)
        self._aside, top = os.path.join(parent, f".{name}.{os.getpid()}.new"), ""
        with disk(self._aside):
            os.mkdir(self._aside, 0o700)
            top = os.path.join(self._aside, name)
            os.mkdir(top, 0o755)
        for path, content in files.items():
            with disk(path):
                os.makedirs(os.path.join(top, os.path.dirname(path)), exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                with open(os.open(os.path.join(top, path), flags, 0o600), "wb") as file:
                    file.write(content)
                    os.fchmod(file.fileno(), self.inventory.modes.get(path, 0o644) & 0o755)
        self.files = len(files)
        self._check_names(top)

    def _check_names(self, top: str) -> None:
        """What the bundle names is in it; a stack file of a folder above is nobody's business."""
        said, inside = self.inventory, self._inside
        if not f"{inside}/".startswith(f"{top}/") or not os.path.isdir(inside):
            raise inventory.refused(f'"{printable(said.folder)}" is no folder of it', said.folder)
        for name in (*said.files, *said.env_files):
            path = os.path.normpath(os.path.join(inside, name))
            if not path.startswith(f"{top}/") or not os.path.isfile(path):
                raise inventory.refused(f'"{printable(name)}" is no file of it', name)
        if not said.files and not any(os.path.isfile(os.path.join(inside, name)) for name in NAMES):
            raise inventory.refused("it has no stack file")

    def _where(self, folder: str) -> Where:
        said, old = self.inventory, self.session.where
        environ = {name: value for name, value in old.environ.items() if name not in OTHERS}
        return Where(folder, environ, files=said.files, env_files=said.env_files, profiles=said.profiles)

    def _check_stack(self, locked: Locked, images: frozenset[str]) -> None:
        """It loads, and every image that it needs is in the bundle."""
        for name in self.inventory.variables:
            if name not in self.session.where.environ:
                self.session.notice(f'the stack takes "{printable(name)}" from the environment, which has none here')
        self.session.where = self._where(self._inside)
        whole = load(self.session)
        loaded, held = lockfile.hold(whole, locked)
        assert loaded.stack is not None, "load() has seen to it"
        known = images | {digest for proofs in self.proofs.values() for digest in proofs}
        for name, service in loaded.stack.services.items():
            wanted = [(service.image or "", service.platform or "")]
            wanted += [(mount.source, "") for mount in service.volumes if mount.type == "image" and mount.source]
            for text, platform in wanted:
                pin = "" if service.build else held.pinned(text, platform) or ""
                if not is_host(text) and pin.rpartition("@")[2] not in known:
                    raise inventory.refused(f'service "{name}" needs an image that it does not have: {text}', name)
