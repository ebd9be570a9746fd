"""A container's changes as a layer on top of its image, and a configuration that says so.

What the image's configuration has beyond what we know (an author, build labels, its history) stays as it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from stackup.images.archive import pack_directory
from stackup.images.changes import apply_changes
from stackup.images.importer import Packed, unpack_layer
from stackup.images.manifest import ImageConfig
from stackup.images.store import Store, texts
from stackup.values import Data


@dataclass(frozen=True, slots=True)
class Note:
    """What is told of a commit: who, why, with which edits of the configuration, and of which command."""

    author: str = ""
    message: str = ""
    changes: tuple[str, ...] = ()
    created_by: str = ""


def commit(store: Store, image_id: str, upper_fd: int, note: Note) -> str:
    """The new image's id; it has no name yet: call it within `store.writing()`."""
    record = store.get(image_id)
    layers = texts(record["layers"])
    text = str(record["config_text"])
    edited(text, (), note, time.time())  # an instruction that cannot be is known before anything is read
    layer, _ = unpack_layer(store, Packed(pack_directory(upper_fd)), "the container's changes")
    now = time.time()
    return store.add_image(edited(text, (*layers, layer), note, now), (*layers, layer), created=now)


def edited(config_text: str, layers: Iterable[str], note: Note, now: float) -> str:
    """The configuration with these layers, the last of which is new."""
    data: Data = json.loads(config_text)
    diff_ids = list(layers)
    found = data.get("config")
    config = found if isinstance(found, dict) else {}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 10**9):09d}Z"
    step: Data = {"created": stamp, "created_by": note.created_by, "comment": note.message}
    if note.author:
        step["author"] = data["author"] = note.author
    told = data.get("history")
    before = told if isinstance(told, list) else [{"created_by": ""} for _ in diff_ids[:-1]]
    data["config"] = {**config, **apply_changes(ImageConfig.from_data(config), note.changes).to_data()}
    data["created"] = stamp
    data["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
    data["history"] = [*before, {key: value for key, value in step.items() if value}]
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
