"""A container's files: a new image of them, an archive of them, some of them out or in.

Works on containers that run and on those that do not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from stackup.errors import Unsupported, UsageError
from stackup.images.archive import pack_live
from stackup.images.committing import Note, commit
from stackup.images.copying import End, copy, extract, pack
from stackup.images.reference import parse
from stackup.project.containers import containers
from stackup.project.image import store
from stackup.project.parcels import pour

if TYPE_CHECKING:
    from stackup.engines.engine import Container
    from stackup.images.copying import Owner
    from stackup.project.session import Session

STREAM = "-"


def chosen(session: Session, service: str, index: int = 0, *, one_offs: bool = False) -> list[Container]:
    """The service's containers, running or not; the one of that index if one is given."""
    rows = [row for row in containers(session, (service,)) if one_offs or not row["transient"]]
    found = [row for row in rows if not index or (row["index"] == index and not row["transient"])]
    if not found:
        missing = f"container #{index}" if index and rows else "container"
        raise UsageError(
            f'service "{service}" has no {missing}', subject=service, hint=f"make one with `stackup create {service}`"
        )
    return found


def commit_container(
    session: Session, service: str, reference: str, note: Note, *, index: int = 0, pause: bool = True
) -> str:
    """The new image's id; empty for a dry run. Without a reference it has no name."""
    row = chosen(session, service, index)[0]
    if reference:
        parse(reference)
    if not row["image_id"].startswith("sha256:"):
        raise Unsupported(
            f'"{row["name"]}" is made of this machine, and no image can rest on that',
            subject=service,
            hint=f"take all of it: stackup export {service} | stackup image import - NAME",
        )
    if session.dry_run:
        return ""
    images = store(session)
    told = Note(note.author, note.message, note.changes, row["command"])
    with images.writing(), session.host.direct.changes(row, pause=pause) as upper_fd:
        image_id = commit(images, row["image_id"], upper_fd, told)
        if reference:
            images.tag(image_id, reference)
    return image_id


def export(session: Session, service: str, sink: BinaryIO, *, index: int = 0) -> None:
    """The whole root without what is mounted in it, as a tar stream."""
    row = chosen(session, service, index)[0]
    with session.host.direct.root(row) as root:
        pour(pack_live(root.fd, "", "", base=root.base), sink)


@dataclass(frozen=True, slots=True)
class Side:
    """A path on this machine, in a service's containers, or `-` for a tar stream."""

    service: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Side:
        """A colon behind a slash belongs to a path: `./a:b`."""
        name, mark, path = text.partition(":")
        if not mark or not name or name.startswith(".") or "/" in name:
            return cls("", text)
        return cls(name, path or "/")

    @property
    def streams(self) -> bool:
        return not self.service and self.path == STREAM


@dataclass(frozen=True, slots=True)
class CopyOptions:
    index: int = 0
    all: bool = False
    archive: bool = False
    follow: bool = False


def copied(
    session: Session, texts: tuple[str, str], options: CopyOptions, streams: tuple[BinaryIO, BinaryIO | None]
) -> list[tuple[str, Sequence[str]]]:
    """Copies out of the first container, or into all of a service's; (container, what could not be kept).

    `streams`: where `-` reads and writes; the second is there when the target is `-`.
    """
    source, target = (Side.parse(text) for text in texts)
    if bool(source.service) == bool(target.service):
        which = "between two services" if source.service else "without a service"
        raise UsageError(f"cannot copy {which}", subject=texts[0], hint="write SERVICE:PATH for one of the two")
    rows = chosen(session, source.service or target.service, options.index, one_offs=options.all)
    if source.streams and len(rows) > 1:
        hint = f"choose one with --index: {', '.join(str(row['index']) for row in rows)}"
        raise UsageError("one stream cannot go into several containers", subject=target.service, hint=hint)
    rows = rows[:1] if source.service else rows
    if session.dry_run:
        return [(row["name"], ()) for row in rows]
    return [(row["name"], _copy(session, row, (source, target), options, streams)) for row in rows]


def _copy(
    session: Session,
    row: Container,
    sides: tuple[Side, Side],
    options: CopyOptions,
    streams: tuple[BinaryIO, BinaryIO | None],
) -> Sequence[str]:
    source, target = sides
    with ExitStack() as held:
        ends = [held.enter_context(_end(session, row, side)) for side in sides]
        if target.streams and streams[1] is not None:
            pour(pack(ends[0], follow=options.follow), streams[1])
            return ()
        if source.streams:
            return extract(streams[0], ends[1], None)
        owner: Owner = (0, 0) if target.service else (os.geteuid(), os.getegid())
        return copy(ends[0], ends[1], None if options.archive else owner, follow=options.follow)


@contextmanager
def _end(session: Session, row: Container, side: Side) -> Iterator[End]:
    if side.service:
        with session.host.direct.root(row) as root:
            yield End(root.fd, side.path, f"{side.service}:{side.path}", root.base)
        return
    root_fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield End(root_fd, os.path.join(session.where.directory, side.path), side.path)
    finally:
        os.close(root_fd)
