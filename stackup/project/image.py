"""Images by hand: import, list, look at, name, remove, check. Images that a container was made of are kept."""

from __future__ import annotations

import os

from stackup.errors import StackupError, UsageError
from stackup.images.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from stackup.engines.engine import Container
    from stackup.images.compression import ByteSource
    from stackup.images.importer import Imported
    from stackup.images.soundness import Repair
    from stackup.project.session import Session


def store(session: Session) -> Store:
    return Store(session.layout.images_dir)


def in_use(session: Session) -> set[str]:
    """What the containers of this host are made of: ids of images, and of layers of the machine's own root."""
    return {image for row in _containers(session) for image in (row["root"], *row["keeps"])}


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

    images = store(session)
    record: dict[str, Any] = {}
    record.update(images.get(identify(session, reference)))
    record["config"] = json.loads(str(record.pop("config_text")))
    record["tags"] = sorted(name for name, target in images.tags() if target == record["id"])
    record["tagged"] = max((os.stat(images.tag_file(name)).st_mtime for name in record["tags"]), default=0.0)
    record["lower_dirs"] = list(images.layers(str(record["id"])))
    return record


def identify(session: Session, reference: str) -> str:
    found = store(session).resolve(reference)
    if found is None:
        raise UsageError(f"no such image: {reference}", subject=reference, hint="see `stackup image ls`")
    return found


def told(session: Session, reference: str) -> list[dict[str, Any]]:
    """The image's history, the newest step first; the first has its id and names."""
    from stackup.images.history import history

    image_id = identify(session, reference)
    names = sorted(name for name, target in store(session).tags() if target == image_id)
    rows: list[dict[str, Any]] = []
    for row in history(store(session), image_id):
        first = not rows
        rows.append({**row, "id": image_id if first else "", "tags": [*names] if first else []})
    return rows


def tag(session: Session, source: str, reference: str) -> str:
    """The new name in full. A digest is what a registry says of an image, not a name that one gives."""
    from stackup.images.reference import parse

    if parse(reference).digest:
        raise UsageError(f'"{reference}" has a digest, which is no tag', subject=reference, hint="write NAME[:TAG]")
    return store(session).tag(identify(session, source), reference)


def costs(session: Session) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What each image takes, and all of them together."""
    from stackup.images.usage import usage
    from stackup.project.leftovers import sizes

    rows, total = usage(store(session))
    return [dict(row) for row in rows], {**total, "builds": sizes(session)}


def check(session: Session, *, deep: bool) -> tuple[str, ...]:
    """What is not sound, a sentence each."""
    from stackup.images.soundness import problems

    return problems(store(session), deep=deep)


def repair(session: Session, *, deep: bool) -> Repair:
    from stackup.images.soundness import repair as mend

    return mend(store(session), deep=deep, keep=in_use(session))


def remove(session: Session, reference: str, *, force: bool = False) -> tuple[list[str], str]:
    """The names that were forgotten, and the image's id if it went as well.

    A name of several is only forgotten, the last one takes the image along. An id that has several names needs `force`.
    What a container was made of stays; with `force` it loses the name.
    """
    images = store(session)
    image_id = identify(session, reference)
    names = sorted(name for name, target in images.tags() if target == image_id)
    name = _name(reference)
    if name not in names:
        name = ""
        if len(names) > 1 and not force:
            raise UsageError(
                f'image "{reference}" has several names: {", ".join(names)}', subject=reference, hint="pass -f"
            )
    users = sorted(row["name"] for row in _containers(session) if image_id in (row["image_id"], *row["keeps"]))
    forgotten = [name] if name else names
    if (name and len(names) > 1) or (users and force and forgotten):
        return [one for one in forgotten if images.untag(one)], ""
    if users:
        raise UsageError(
            f'image "{reference}" is in use by {", ".join(users)}',
            subject=reference,
            hint="remove its containers first",
        )
    images.remove(image_id, keep=lambda: in_use(session))
    return names, image_id


def _name(reference: str) -> str:
    """The name in full, empty for what can be an id only."""
    from stackup.images.reference import parse

    try:
        return parse(reference).key
    except StackupError:
        return ""
