"""A stack with its images as one file, for a machine that no registry reaches: `stackup bundle`.

An archive of images as `image save` writes it, so that other tools load the images too, and before them, in a folder
of ours, the stack's files and what the bundle says of itself (`inventory`). Nothing leaves unseen (THREATS T47).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Literal

from stackup.engines.desire import Images, Wish, runs
from stackup.engines.desire.builds import image_name
from stackup.errors import StackupError, Unsupported, UsageError
from stackup.images.locked import Locked, movable, platform_of
from stackup.images.provenance import proofs_of
from stackup.images.reference import is_host
from stackup.images.saving import Wanted, blob_path, chunks, pack
from stackup.project.belongings import Belongings, gather, variables
from stackup.project.held import built_of, require_locked
from stackup.project.image import store
from stackup.project.inventory import FILES, PATH, Inventory, Origin, Use
from stackup.project.lockfile import held
from stackup.project.parcels import pour
from stackup.project.problems import readable, rows_of, tell
from stackup.project.pull import bring_in
from stackup.project.resolve import facts_of, load
from stackup.stackfile.discover import Request, find

if TYPE_CHECKING:
    from stackup.images.saving import Parcel
    from stackup.images.store import Store
    from stackup.project.session import Session
    from stackup.reconcile.apply import Report
    from stackup.stackfile.load import Loaded

Sink = Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """`build` as in `Wish`; `along`: what else goes, of `belongings.SECRETS` and `MOUNTS`."""

    build: Literal["due", "all", "none"] = "due"
    along: frozenset[str] = frozenset()


def bundle(session: Session, options: BundleOptions, sink: Sink) -> Report:
    """Brings in and builds what is missing, as `up` would, and writes when that went well; tells what goes and what
    stays. A dry run writes nothing."""
    whole = load(session)
    belongings = gather(session, whole, options.along)
    loaded, lock = held(session, whole)
    locked, images = lock or Locked(), store(session)
    require_locked(session, loaded, lock, built_of(loaded))
    found = _images(session, loaded, Wish(build=options.build, locked=lock))
    uses = list(_uses(whole, loaded, found))
    _tell(session, belongings, uses)
    with images.writing():  # what is read meanwhile stays
        report = bring_in(session, loaded.name, found.missing)
        if report.ok and not session.dry_run:
            parcel = pack(images, _wanted(uses))
            carried = [_carried(images, parcel, use, locked) for use in uses]
            texts = _texts(_inventory(session, whole, belongings, carried), belongings, images)
            with sink() as file:
                pour(chunks(images, replace(parcel, texts=texts | parcel.texts)), file)
    return report


def _tell(session: Session, belongings: Belongings, uses: Iterable[Use]) -> None:
    for name, content in belongings.files.items():
        session.notice(f"{name}, {len(content)} bytes", level="info")
    for name in dict.fromkeys(use.reference for use in uses):
        session.notice(f"the image {name}", level="info")
    for name in belongings.own:
        session.notice(f'"{name}" goes along, with all that it says')
    for word in belongings.left:
        session.notice(f"stays here: {word}")


def _images(session: Session, loaded: Loaded, wish: Wish) -> Images:
    assert loaded.stack is not None, "load() has seen to it"
    try:
        found, problems = runs(loaded.stack, dict(loaded.origins), facts_of(session, loaded), wish)
    except StackupError as problem:
        raise readable(problem) from problem
    tell(session, rows_of((*loaded.diagnostics, *problems), loaded.sources))
    return found


def _uses(whole: Loaded, loaded: Loaded, found: Images) -> Iterator[Use]:
    """What each service runs and mounts, by its id on this machine. The machine's own root goes nowhere."""
    assert whole.stack is not None, "load() has seen to it"
    assert loaded.stack is not None, "load() has seen to it"
    for name, service in loaded.stack.services.items():
        platform, built = platform_of(service.platform or ""), whole.stack.services[name].build is not None
        reference = image_name(loaded.name, name, service)
        if not is_host(reference):
            yield Use(name, reference, platform, found.services[name], built=built)
        for mount in service.volumes:
            if mount.type == "image" and mount.source and not is_host(mount.source):
                yield Use(name, mount.source, platform_of(""), found.mounted[mount.source])


def _wanted(uses: Iterable[Use]) -> list[Wanted]:
    names: dict[str, dict[str, None]] = {}
    for use in uses:
        reference = movable(use.reference)
        names.setdefault(use.image, {}).update({str(reference): None} if reference else {})
    return [Wanted(image, tuple(found)) for image, found in names.items()]


def _carried(images: Store, parcel: Parcel, use: Use, locked: Locked) -> Use:
    """By the id that the image has in the bundle. A digest is of what was pulled: it holds where the id is the same."""
    image, reference = parcel.ids[use.image], movable(use.reference)
    if reference is None and image != use.image:
        what = f'"{use.reference}" cannot be packed as it came, and has another id in a bundle'
        raise Unsupported(what, subject=use.reference, hint="name it by a tag")
    content = locked.content(use.reference)
    digest = content.digest if content else images.digest_of(use.reference) if reference else ""
    known = image == use.image and digest in proofs_of(images, image)
    return replace(use, image=image, digest=digest if known else "")


def _inventory(session: Session, loaded: Loaded, belongings: Belongings, uses: Sequence[Use]) -> Inventory:
    where, home = session.where, loaded.directory
    env_files = where.env_files or _listed(session, "COMPOSE_ENV_FILES")
    folder = os.path.relpath(home, belongings.top)
    return Inventory(
        loaded.name,
        tuple(uses),
        folder="" if folder == "." else folder,
        files=() if _are_found(loaded) else tuple(os.path.relpath(path, home) for path in loaded.files),
        env_files=tuple(os.path.relpath(os.path.join(where.directory, name), home) for name in env_files),
        profiles=where.profiles or _listed(session, "COMPOSE_PROFILES"),
        variables=variables(loaded),
        left=tuple(belongings.left),
        modes=belongings.modes,
    )


def _listed(session: Session, variable: str) -> tuple[str, ...]:
    return tuple(filter(None, session.where.environ.get(variable, "").split(",")))


def _are_found(loaded: Loaded) -> bool:
    """Whether these files are those that nobody has to name."""
    try:
        return find(Request(loaded.directory)).files == loaded.files
    except UsageError:
        return False


def _texts(inventory: Inventory, belongings: Belongings, images: Store) -> dict[str, bytes]:
    """What the archive has before its images. Manifests lie where descriptions of images do, so they have no need to
    be believed."""
    origins: list[Origin] = []
    manifests: dict[str, bytes] = {}
    for image in dict.fromkeys(use.image for use in inventory.uses):
        for digest, proof in proofs_of(images, image).items():
            origins.append(Origin(image, digest, proof.media_type, proof.repository))
            manifests[blob_path(digest)] = proof.text.encode()
    whole = replace(inventory, origins=tuple(origins)).to_text()
    return {PATH: whole} | {FILES + name: content for name, content in belongings.files.items()} | manifests
