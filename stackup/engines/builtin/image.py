"""Images of the built-in engine: making one is pulling it. What is in the store is no stack's, and is not observed.

So after a pull there is nothing left to do, and one that was killed goes on with the layers that are missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from stackup.engines.desire.effects import IMAGE
from stackup.errors import RemoteError, StackupError
from stackup.layout import Layout
from stackup.reconcile.resource import Observed, Outcome, Tell, Work

if TYPE_CHECKING:
    from stackup.images.pull import Client, Puller, Told

EVERY_S = 0.1
"""How often a layer's progress is told."""


class ImageKind:
    """`environ` is the caller's, by value: proxies, logins and their places come from it."""

    name = "image"
    effects = IMAGE

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._layout = layout
        self._environ = environ

    def observe(self, stack: str) -> Iterable[Observed]:
        return ()

    def create(self, works: Sequence[Work], tell: Tell) -> Iterator[Outcome]:
        """All at once, each ends in its own time."""
        from concurrent.futures import ThreadPoolExecutor, as_completed

        from stackup.images.access import Access  # urllib3, TLS: for pulling only
        from stackup.images.pull import Client, Puller
        from stackup.images.store import Store

        access = Access.from_environment(self._environ, uid=os.geteuid())
        client = Client(access, pause=tell.wait)
        puller = Puller(Store(self._layout.images_dir), pause=tell.wait)
        with ThreadPoolExecutor(len(works)) as workers:
            jobs = [workers.submit(_attempt, work, client, puller, tell) for work in works]
            for job in as_completed(jobs):
                yield job.result()

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [Outcome(work.step) for work in works]

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        """No stack removes an image: others may run it."""
        return [Outcome(work.step) for work in works]


def _attempt(work: Work, client: Client, puller: Puller, tell: Tell) -> Outcome:
    try:
        _pull(work, client, puller, tell)
    except StackupError as error:
        return Outcome(work.step, error)
    return Outcome(work.step)


def _pull(work: Work, client: Client, puller: Puller, tell: Tell) -> None:
    """What the plan showed, by its digest, under the name that the file gives it."""
    from stackup.images.index import Platform
    from stackup.images.pull import find
    from stackup.images.reference import Reference, parse

    assert work.desired is not None, "an image is only ever made"
    spec = work.desired.spec
    named = parse(str(spec["reference"]))
    pinned = Reference(named.registry, named.repository, named.tag, str(spec["digest"]))
    platform = Platform.parse(str(spec["platform"])) if spec["platform"] else None
    found = replace(find(client, pinned, platform), reference=named)
    if found.image_id != spec["image"]:
        text = f'"{named.familiar}" is not what it was when the plan was made'
        raise RemoteError(text, subject=named.familiar, hint="run the same command again")
    puller.pull(found, _telling(work.step, tell))


def _telling(step: int, tell: Tell) -> Told:
    last: dict[str, float] = {}

    def told(part: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done in (0, total) or now - last.get(part, 0.0) > EVERY_S:
            last[part] = now
            tell.transfer(step, part, done, total)

    return told
