"""What builds leave for the next ones: steps that no image has, caches of RUN, contexts and files from elsewhere.

All of it can be made or fetched again. What a running build holds stays: steps as long as anybody adds to the store,
which every build does for its whole length, contexts as long as that, a cache as long as a step has it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from stackup.images import locks, removing
from stackup.images.removing import Keep
from stackup.images.store import Store
from stackup.kernel import files
from stackup.kernel.resolve import remove_tree
from stackup.kernel.usage import disk_usage

CACHES = "caches"
FETCHED = ("sources", "downloads")
KINDS = ("step", "cache", "source")


@dataclass(frozen=True, slots=True)
class Leftover:
    """`size` in bytes; `used`: when a build last had it, in seconds since the epoch."""

    kind: str
    name: str
    size: int
    used: float
    path: str = ""


def leftovers(store: Store, build_dir: str, keep: Collection[str]) -> list[Leftover]:
    """The one that was used last comes last. `keep` are the ids of what containers are made of."""
    found = [*_steps(store, keep), *_caches(build_dir), *_fetched(build_dir)]
    return sorted(found, key=lambda one: (one.used, one.kind, one.name))


def touch(store: Store, layers: Collection[str]) -> None:
    """A build has just had these."""
    for layer in layers:
        if store.has_layer(layer):
            os.utime(store.layer_home(layer))


def remove(store: Store, build_dir: str, chosen: Collection[Leftover], keep: Keep) -> list[Leftover]:
    """Those that are gone; whatever is in use is not."""
    gone = set(removing.prune_steps(store, keep, {one.name for one in chosen if one.kind == "step"}))
    ways: dict[str, Callable[[Leftover], bool]] = {
        "step": lambda one: one.name in gone,
        "cache": lambda one: _empty_cache(one.path),
        "source": lambda one: not removing.writers(store) and _remove_fetched(one.path),
    }
    return [one for one in chosen if ways[one.kind](one)]


def _steps(store: Store, keep: Collection[str]) -> Iterator[Leftover]:
    needed = store.needed_layers(keep, cache=False)
    for layer in store.layer_ids():
        if layer not in needed and store.is_cache(layer):
            home = store.layer_home(layer)
            yield Leftover("step", layer, store.layer_size(layer), os.stat(home).st_mtime, home)


def _caches(build_dir: str) -> Iterator[Leftover]:
    """A folder by its id, which stays when it is empty: its lock may be waited for."""
    top = os.path.join(build_dir, CACHES)
    for name in files.list_dir(top):
        if files.list_dir(os.path.join(top, name)):
            yield _measured("cache", os.path.join(top, name))


def _fetched(build_dir: str) -> Iterator[Leftover]:
    for top in (os.path.join(build_dir, part) for part in FETCHED):
        for name in files.list_dir(top):
            if os.path.isdir(os.path.join(top, name)):
                yield _measured("source", os.path.join(top, name))


def _measured(kind: str, path: str) -> Leftover:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return Leftover(kind, os.path.basename(path), disk_usage(fd), os.fstat(fd).st_mtime, path)
    finally:
        os.close(fd)


def _empty_cache(home: str) -> bool:
    lock = locks.claim(home)
    if lock is None:
        return False
    try:
        for name in os.listdir(lock):
            remove_tree(lock, name)
        return True
    finally:
        os.close(lock)


def _remove_fetched(path: str) -> bool:
    """Under another name first: it is whole or not there. One that is being fetched is locked."""
    if os.path.exists(lock_file := os.path.join(path, "lock")):
        lock = locks.claim(lock_file)
        if lock is None:
            return False
        os.close(lock)
    top_fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        aside = f".gone-{os.urandom(6).hex()}"
        os.rename(os.path.basename(path), aside, src_dir_fd=top_fd, dst_dir_fd=top_fd)
        remove_tree(top_fd, aside)
        return True
    finally:
        os.close(top_fd)
