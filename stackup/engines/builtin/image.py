"""Images of the built-in engine: making one is pulling or building it. What is in the store is no stack's, and is not
observed.

So after that there is nothing left to do, and what was killed goes on with the layers that are missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from stackup.engines.desire.effects import IMAGE
from stackup.errors import RemoteError, StackupError
from stackup.layout import Layout
from stackup.reconcile.resource import Observed, Outcome, Tell, Work

if TYPE_CHECKING:
    from stackup.images.build.request import Told as ToldOfBuild
    from stackup.images.pull import Client, Puller, Told
    from stackup.values import Data

EVERY_S = 0.1
"""How often a layer's progress is told."""


class ImageKind:
    """`environ` is the caller's, by value: proxies, logins and their places come from it."""

    name = "image"
    effects = IMAGE

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._layout = layout
        self._environ = environ
        self._building = threading.Lock()

    def observe(self, stack: str) -> Iterable[Observed]:
        return ()

    def create(self, works: Sequence[Work], tell: Tell) -> Iterator[Outcome]:
        """All at once, each ends in its own time; but one build after the other, since each uses all of the machine."""
        from concurrent.futures import ThreadPoolExecutor, as_completed

        pull: Callable[[Work], None] | None = None
        with ThreadPoolExecutor(len(works)) as workers:
            jobs = []
            for work in works:
                if "build" in spec_of(work):
                    jobs.append(workers.submit(_attempt, work, partial(self._build, tell=tell)))
                else:
                    pull = pull or self._pulling(tell)
                    jobs.append(workers.submit(_attempt, work, pull))
            for job in as_completed(jobs):
                yield job.result()

    def _pulling(self, tell: Tell) -> Callable[[Work], None]:
        from stackup.images.pull import Puller, connect  # urllib3, TLS: for pulling only
        from stackup.images.store import Store

        client = connect(self._environ, tell.wait)
        puller = Puller(Store(self._layout.images_dir), pause=tell.wait)
        return lambda work: _pull(work, client, puller, tell)

    def _build(self, work: Work, tell: Tell) -> None:
        from stackup.engines.builtin.build import HostBuilder  # the builder: only where something is built
        from stackup.engines.desire.builds import NOTHING

        spec: Any = spec_of(work)
        with self._building:
            builder = HostBuilder(self._layout, self._environ)
            builder.build(spec["build"], NOTHING, partial(_tell_build, work.step, tell), str(spec["image"]))

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return [Outcome(work.step) for work in works]

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        """No stack removes an image: others may run it."""
        return [Outcome(work.step) for work in works]


def spec_of(work: Work) -> Data:
    assert work.desired is not None, "an image is only ever made"
    return work.desired.spec


def _attempt(work: Work, verb: Callable[[Work], None]) -> Outcome:
    try:
        verb(work)
    except StackupError as error:
        return Outcome(work.step, error)
    return Outcome(work.step)


def _pull(work: Work, client: Client, puller: Puller, tell: Tell) -> None:
    """What the plan showed, by its digest, under the name that the file gives it."""
    from stackup.images.index import Platform
    from stackup.images.pull import find
    from stackup.images.reference import Reference, parse

    spec = spec_of(work)
    named = parse(str(spec["reference"]))
    pinned = Reference(named.registry, named.repository, named.tag, str(spec["digest"]))
    platform = Platform.parse(str(spec["platform"])) if spec["platform"] else None
    found = replace(find(client, pinned, platform), reference=named)
    if found.image_id != spec["image"]:
        text = f'"{named.familiar}" is not what it was when the plan was made'
        raise RemoteError(text, subject=named.familiar, hint="run the same command again")
    puller.pull(found, _telling(work.step, tell))


def _tell_build(step: int, tell: Tell, told: ToldOfBuild) -> None:
    from stackup.images.build.request import StepBegun, StepDone, StepSaid, Warned

    match told:
        case StepBegun(_, label):
            tell.progress(step, label)
        case StepSaid(_, text):
            tell.progress(step, text)
        case StepDone(_, label, cached=True):
            tell.progress(step, f"CACHED {label}")
        case Warned(text):
            tell.warn(step, text)


def _telling(step: int, tell: Tell) -> Told:
    last: dict[str, float] = {}

    def told(part: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done in (0, total) or now - last.get(part, 0.0) > EVERY_S:
            last[part] = now
            tell.transfer(step, part, done, total)

    return told
