"""Images into one file and out of it: `image save` and `image load`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from stackup.images.loading import load
from stackup.images.reference import parse
from stackup.images.refusal import disk, disk_error
from stackup.images.saving import Wanted, chunks, pack
from stackup.kernel import files
from stackup.project.image import identify, store

if TYPE_CHECKING:
    from stackup.images.compression import ByteSource
    from stackup.project.session import Session


@dataclass(frozen=True, slots=True)
class Arrived:
    """An image that was loaded: the names that it has now, and those that go on naming another image (T17)."""

    image_id: str
    named: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


def save(session: Session, references: Sequence[str], sink: BinaryIO) -> tuple[str, ...]:
    """Writes the images with the names that were asked for; the layers that could only be saved under another id."""
    images = store(session)
    with images.writing():  # what is read meanwhile stays
        wanted = _wanted(session, references)
        parcel = pack(images, wanted)
        pour(chunks(images, parcel), sink)
    return parcel.renamed


def pour(pieces: Iterable[bytes], sink: BinaryIO) -> None:
    """A stream into a file or a pipe. That its reader has gone is for the caller; a full disk is an error of ours."""
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[sink.write(rest) :]
        sink.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise disk_error(error, "the output") from error


def _wanted(session: Session, references: Sequence[str]) -> list[Wanted]:
    """One entry an image, however many of its names were given."""
    names: dict[str, list[str]] = {}
    tags = dict(store(session).tags())
    for text in references:
        image_id = identify(session, text)
        found = names.setdefault(image_id, [])
        key = parse(text).key if not text.startswith("sha256:") and not _is_id(text, image_id) else ""
        if tags.get(key) == image_id and "@" not in key and key not in found:
            found.append(key)
    return [Wanted(image_id, tuple(found)) for image_id, found in names.items()]


def _is_id(text: str, image_id: str) -> bool:
    return len(text) == 64 and image_id.endswith(text)


@contextmanager
def whole_file(path: str, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file that is there when all of it is; what is no regular file (a pipe, a device) is written straight."""
    if os.path.exists(path) and not os.path.isfile(path):
        with disk(path), open(path, "wb") as sink:
            yield sink
        return
    aside = f"{path}.{os.getpid()}.new"
    try:
        with disk(path), open(aside, "wb", opener=partial(os.open, mode=mode)) as sink:
            yield sink
        with disk(path):
            os.rename(aside, path)
    except BaseException:
        files.remove(aside)
        raise


def bring(
    session: Session, source: ByteSource, subject: str, agree: Callable[[str, str, str], bool]
) -> tuple[Arrived, ...]:
    """Loads an archive. A name that names another image moves only if `agree(name, that image, this one)`."""
    images = store(session)
    found = []
    with images.writing():
        for one in load(images, source, subject):
            named, refused = [], []
            for name in one.references:
                there = images.resolve(name)
                if there in (None, one.image_id) or agree(name, str(there), one.image_id):
                    named.append(images.tag(one.image_id, name))
                else:
                    refused.append((name, str(there)))
            found.append(Arrived(one.image_id, tuple(named), tuple(refused), one.skipped))
    return tuple(found)
