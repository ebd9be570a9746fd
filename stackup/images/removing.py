"""Taking away from the store, by reachability: names first, then records, then layers that nothing leads to.

At any kill in between, what is left is whole. While somebody is adding (`publishing.Writing`, a draft), what nothing
leads to yet may be what they are about to lead to, so layers stay, and so do images that are younger than the writer;
the next prune takes them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TypeAlias

from stackup.errors import StackupError
from stackup.images import locks, origin
from stackup.images.publishing import prepare, remove_aside
from stackup.images.reference import parse
from stackup.images.refusal import disk
from stackup.images.store import Store
from stackup.kernel import files
from stackup.values import Data

Keep: TypeAlias = "Collection[str] | Callable[[], Collection[str]]"
"""Ids of what is in use. A function is asked under the lock, so that nobody takes something into use meanwhile."""
Choice: TypeAlias = "Callable[[Data], bool]"


def untag(store: Store, reference: str) -> bool:
    with disk(store.dir):
        path = store.tag_file(parse(reference).key)
        found = files.remove(path)
        if found:
            files.sync_dir(os.path.dirname(path))
        return found


def remove(store: Store, image_id: str, keep: Keep) -> tuple[str, ...]:
    def choose(used: Collection[str]) -> set[str]:
        if image_id in used:
            raise StackupError(f'image "{image_id}" is in use', subject=image_id, hint="remove its containers first")
        return {image_id}

    store.get(image_id)
    return _remove(store, choose, keep)[1]


def prune(store: Store, keep: Keep, *, unused: bool, only: Choice | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    def choose(used: Collection[str]) -> set[str]:
        safe = {*used, *(() if unused else (image_id for _, image_id in store.tags())), *_young(store)}
        loose = [image_id for image_id in store.image_ids() if image_id not in safe]
        return {image_id for image_id in loose if only is None or only(store.get(image_id))}

    return _remove(store, choose, keep, cache=not unused or only is not None)


def prune_steps(store: Store, keep: Keep, steps: Collection[str]) -> tuple[str, ...]:
    """Those of these steps of builds that no image has."""
    return _remove(store, lambda _: set(), keep, cache=False, among=steps)[1] if steps else ()


def _remove(
    store: Store,
    choose: Callable[[Collection[str]], set[str]],
    keep: Keep,
    *,
    cache: bool = True,
    among: Collection[str] | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`cache`: steps of builds are kept though no image has them. `among`: other layers are left alone."""
    prepare(store)
    sweep(store)
    with disk(store.dir), locks.exclusive(store.lock_file):
        used = keep() if callable(keep) else keep
        images = choose(used)
        _forget(store, images)
        mortal = {layer for layer in store.layer_ids() if among is None or layer in among}
        doomed = [] if writers(store) else sorted(mortal - store.needed_layers(used, cache=cache))
        moved = {layer: os.urandom(8).hex() for layer in doomed}
        for layer in doomed:
            os.rename(store.layer_home(layer), os.path.join(store.aside_dir, moved[layer]))
        # Before the first file goes: a power cut could bring the name back, and then it must be a whole layer's.
        files.sync_dir(os.path.join(store.dir, "layers"))
    with disk(store.aside_dir):
        for name in moved.values():
            remove_aside(store, name)
    return tuple(sorted(images)), tuple(doomed)


def _forget(store: Store, images: Collection[str]) -> None:
    """Synced in this order, or a power cut could keep a name and lose what it names."""
    for reference, image_id in list(store.tags()):
        if image_id in images:
            files.remove(store.tag_file(reference))
    files.sync_dir(os.path.join(store.dir, "tags"))
    for path in origin.orphaned(store, images):
        files.remove(path)
    for image_id in images:
        files.remove(store.image_file(image_id))
    files.sync_dir(os.path.join(store.dir, "images"))


def writers(store: Store) -> list[str]:
    """The directories aside of those who are adding right now."""
    return [path for path in _aside(store) if os.path.isdir(path) and not _abandoned(path)]


def _young(store: Store) -> set[str]:
    """Images that were written since the oldest of those who are adding began."""
    began = min((_time(path) for path in writers(store)), default=None)
    if began is None:
        return set()
    return {image for image in store.image_ids() if _time(store.image_file(image)) >= began}


def _time(path: str) -> int:
    """Of its last change; 0 when it has just gone: then everything counts as younger."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def sweep(store: Store) -> int:
    if not files.list_dir(store.aside_dir):
        return 0
    litter = []
    with disk(store.dir), locks.exclusive(store.lock_file):
        for path in _aside(store):
            if (fd := locks.claim(path)) is not None:
                litter.append((path, fd))
    with disk(store.aside_dir):
        for path, fd in litter:
            remove_aside(store, os.path.basename(path))
            os.close(fd)
    return len(litter)


def _aside(store: Store) -> list[str]:
    return [os.path.join(store.aside_dir, name) for name in files.list_dir(store.aside_dir)]


def _abandoned(path: str) -> bool:
    fd = locks.claim(path)
    if fd is not None:
        os.close(fd)
    return fd is not None
