"""Where an image came from: the manifests that registries keep about it, text for text, and the digest a name had.

Needed to push the same bytes again, to answer for `name@digest` and to pin. Kept beside the store's images as notes,
`manifests/<hex>.json`, and gone with the image.
"""

from __future__ import annotations

import os

from stackup.kernel.files import list_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stackup.images.store import Store
    from stackup.values import Data

FOLDER = "manifests"


def note_of(digest: str) -> str:
    return os.path.join(FOLDER, f"{digest.partition(':')[2]}.json")


def keep(store: Store, image_id: str, digest: str, data: Data) -> None:
    """`data`: text, media_type, and the repository where it is, as `registry/path`."""
    store.write_note(note_of(digest), {**data, "digest": digest, "image": image_id})


def kept(store: Store, image_id: str = "") -> Iterator[Data]:
    """All of an image, or of all images; the last kept first."""
    top = os.path.join(store.dir, FOLDER)
    found = [(-os.stat(os.path.join(top, name)).st_mtime_ns, name) for name in list_dir(top)]
    for _, name in sorted(found):
        note = store.read_note(os.path.join(FOLDER, name))
        if note is not None and image_id in ("", note["image"]):
            yield note


def orphaned(store: Store, images: Iterable[str]) -> list[str]:
    """The files of what is known about these images."""
    gone = set(images)
    return [os.path.join(store.dir, note_of(str(note["digest"]))) for note in kept(store) if note["image"] in gone]
