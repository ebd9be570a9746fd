"""Images by hand: import, list, look at, remove, prune. Images that a container was made of are kept."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.images.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from stackup.engines.engine import Container
    from stackup.images.compression import ByteSource
    from stackup.images.importer import Imported
    from stackup.project.session import Session


def store(session: Session) -> Store:
    return Store(session.layout.images_dir)


def in_use(session: Session) -> set[str]:
    """What the containers of this host are made of: ids of images, and of layers of the machine's own root."""
    return {row["root"] for row in _containers(session)}


def _containers(session: Session) -> Iterator[Container]:
    direct = session.host.direct
    return (row for stack in direct.stacks() for row in direct.containers(stack))


def listed(session: Session) -> list[dict[str, Any]]:
    return [dict(row) for row in store(session).images()]


def bring_in(
    session: Session, source: str | ByteSource, reference: str, changes: tuple[str, ...]
) -> tuple[Imported, dict[str, Any]]:
    """Import a folder, an archive or a stream; the image and its record."""
    from stackup.images.importer import import_rootfs  # tar and compression: importing only

    images = store(session)
    made = import_rootfs(images, source, reference, changes)
    return made, dict(images.get(made.id))


def inspect(session: Session, reference: str) -> dict[str, Any]:
    """Everything known of one image, its configuration as the image has it."""
    import json

    record = dict(store(session).get(identify(session, reference)))
    record["config"] = json.loads(str(record.pop("config_text")))
    return record


def identify(session: Session, reference: str) -> str:
    found = store(session).resolve(reference)
    if found is None:
        raise UsageError(f"no such image: {reference}", subject=reference, hint="see `stackup image ls`")
    return found


def remove(session: Session, reference: str, *, force: bool = False) -> tuple[str, tuple[str, ...]]:
    """A name of several is only forgotten; the last one takes the image along. (image id, removed layers)."""
    images = store(session)
    image_id = identify(session, reference)
    names = [name for name, target in images.tags() if target == image_id]
    if len(names) > 1 and not force and images.untag(reference):
        return image_id, ()
    users = sorted(row["name"] for row in _containers(session) if row["image_id"] == image_id)
    if users:
        raise UsageError(
            f'image "{reference}" is in use by {", ".join(users)}',
            subject=reference,
            hint="remove its containers first",
        )
    return image_id, images.remove(image_id, keep=in_use(session))


def prune(session: Session, *, unused: bool = False) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Images without a name (`unused`: all that no container was made of) and layers without an image."""
    return store(session).prune(keep=in_use(session), unused=unused)
