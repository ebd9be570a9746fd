"""A build, done: every vertex that the target needs becomes a layer of the store under its key, unless it is there.

Demand comes from the result: what lies above a cached layer is never looked at. Vertices are done by one pool of
threads that mostly wait, in an order in which nobody waits for a later one. A layer is its step's upper directory,
renamed into the store: nothing is packed and nothing is hashed, and a build that is killed has left all the layers that
were finished.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from stackup.errors import RemoteError, StackupError, UsageError
from stackup.images.build.commands import Adding, Copy
from stackup.images.build.copy import NoFolder, NotThere
from stackup.images.build.evaluate import MakeDirectory, Transfer
from stackup.images.build.execution import Execute
from stackup.images.build.mounts import Mount
from stackup.images.build.naming import demand, keep_fresh, named, operations
from stackup.images.build.outline import Outline, failure, layer_of_context
from stackup.images.build.places import Place
from stackup.images.build.recipe import Input, Remote, Selection, Source, Vertex
from stackup.images.build.request import StepBegun, StepDone, StepSaid, StepTold, Tell, Unbuildable
from stackup.images.build.stages import FromContext
from stackup.images.build.transfer import Given, make_directory, transfer
from stackup.images.publishing import Draft
from stackup.images.refusal import ArchiveRefused
from stackup.images.store import MACHINE, Store
from stackup.kernel.resolve import open_confined

WORKERS = 8
_LAST_LINES = 100
"""Of a step that failed, kept with its error."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A mount of a RUN; a bind has its layers, top first, and the path in them."""

    mount: Mount
    lowers: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What a runner is to run. `upper` is where its changes go; `scratch` is a folder for whatever it needs beside."""

    execute: Execute
    lowers: tuple[str, ...]
    upper: str
    scratch: str
    mounts: tuple[Bound, ...]
    say: Callable[[str], None]


class Runner(Protocol):
    """What a build needs of a machine; an engine gives it. Layers are named top first."""

    def view(self, lowers: tuple[str, ...]) -> int:
        """Layers joined, to be read: a descriptor of the root, the caller's to close."""
        ...

    def change(self, lowers: tuple[str, ...], upper: str, work: str) -> int:
        """The same, and what is written goes to `upper`."""
        ...

    def run(self, order: Order) -> int:
        """The exit code. Raises StackupError when it cannot be started."""
        ...

    def stop(self) -> None:
        """Whatever runs is killed, and nothing runs any more."""
        ...


@dataclass(frozen=True, slots=True)
class Built:
    image: str
    made: int
    """How many layers were not there before."""
    layers: Mapping[int, str]
    """What each operation has become, by its vertex."""


def solve(outline: Outline, store: Store, runner: Runner, tell: Tell) -> Built:
    """The image, in the store and without a name yet: call it within `store.writing()`. Raises Unbuildable."""
    solver = _Solver(outline, store, runner, tell)
    needed = solver.needed()
    with ThreadPoolExecutor(min(WORKERS, len(needed) or 1)) as pool:
        try:
            for vertex in needed:
                solver.jobs[vertex.id] = pool.submit(solver.work, vertex)
            wait(solver.jobs.values())
        except BaseException:
            solver.give_up(_Unmade("the build was interrupted"))
            raise
    if solver.problem:
        raise solver.problem
    text = outline.image_text(solver.layers)
    made, base = outline.chain(outline.recipe.result)
    solver.ready(outline.recipe.result)
    layers = (*(base.layers if base else ()), *(solver.layers[one.id] for one in made))
    created = float(outline.epoch or time.time())
    image = store.add_image(text, layers, created=created, on_host=bool(base and base.on_host))
    return Built(image, len(needed), solver.layers)


class _Unmade(StackupError):
    """It is not tried, or was stopped."""


class _Solver:
    def __init__(self, outline: Outline, store: Store, runner: Runner, tell: Tell) -> None:
        self._outline = outline
        self._store = store
        self._runner = runner
        self._tell_one = tell
        self._lock = threading.Lock()
        self.problem: BaseException | None = None
        self._fresh: set[int] = set()
        self.jobs: dict[int, Future[None]] = {}
        self.layers: dict[int, str] = {}

    def needed(self) -> list[Vertex]:
        """What must be made, each after what it needs; cached ones of the target are told of."""
        self.layers, self._fresh = named(self._outline, self._store)
        needed, there = demand(self._outline, lambda one: self._store.has_layer(self.layers[one.id]))
        for vertex in there:
            self._tell(StepDone(vertex.id, self._label(vertex), cached=True, seconds=0.0))
        return needed

    def work(self, vertex: Vertex) -> None:
        wait([self.jobs[one] for one in vertex.needs if one in self.jobs])
        if self.problem:
            raise _Unmade("another step failed")
        begun, label = time.monotonic(), self._label(vertex)
        self._tell(StepBegun(vertex.id, label))
        try:
            self._make(vertex)
        except BaseException as problem:
            self.give_up(problem)
            self._tell(StepDone(vertex.id, label, cached=False, seconds=time.monotonic() - begun, failed=True))
            raise
        self._tell(StepDone(vertex.id, label, cached=False, seconds=time.monotonic() - begun))

    def give_up(self, problem: BaseException) -> None:
        """The first problem is the build's; what is under way is not waited for."""
        with self._lock:
            self.problem = self.problem or problem
        self._runner.stop()

    def _tell(self, told: StepTold) -> None:
        with self._lock:
            self._tell_one(told)

    def _label(self, vertex: Vertex) -> str:
        assert vertex.step is not None, "sources have no label"
        assert vertex.stage is not None, "sources have no stage"
        stage = self._outline.stages.stages[vertex.stage]
        steps = [one.id for one in operations(self._outline) if one.stage == vertex.stage]
        first = vertex.step.command.written.written.text.strip().splitlines()
        return f"[{stage.label} {steps.index(vertex.id) + 1}/{len(steps)}] {first[0] if first else ''}"

    def _make(self, vertex: Vertex) -> None:
        layer = self.layers[vertex.id]
        request = self._outline.request
        with Draft(self._store) as draft, Draft(self._store) as scratch:
            try:
                self._perform(vertex, draft, scratch)
            except (NotThere, NoFolder) as problem:
                raise failure(vertex, request, "SU222", str(problem)) from problem
            except (UsageError, ArchiveRefused) as problem:
                raise failure(vertex, request, "SU222", problem.message, problem.hint) from problem
            except RemoteError as problem:
                raise failure(vertex, request, "SU223", problem.message, problem.hint) from problem
            draft.commit(layer, size=_settle(draft.fs_fd, self._outline.epoch), cache=True)
        if vertex.id in self._fresh:
            keep_fresh(self._store, self._outline, vertex, layer)

    def _perform(self, vertex: Vertex, draft: Draft, scratch: Draft) -> None:
        below = () if vertex.linked else self._lowers(vertex.parent)
        match vertex.work:
            case Execute() as execute:
                self._run(vertex, execute, draft, scratch)
            case MakeDirectory(path, user):
                with self._changed(below, draft, scratch) as root_fd:
                    make_directory(root_fd, path, user)
            case Transfer(copy):
                with self._changed(below, draft, scratch) as root_fd, ExitStack() as opened:
                    inputs = [self._given(one, copy.adding, opened) for one in vertex.inputs]
                    numbers = self._numbers(vertex, opened) if vertex.linked and copy.chown else -1
                    transfer(root_fd, copy, inputs, numbers_fd=numbers)
            case _:
                raise AssertionError("sources are not made")

    def _numbers(self, vertex: Vertex, opened: ExitStack) -> int:
        lowers = self._lowers(vertex.parent)
        return opened.enter_context(self._viewed(lowers)).root_fd if lowers else -1

    def _changed(self, below: tuple[str, ...], draft: Draft, scratch: Draft) -> AbstractContextManager[int]:
        """Where nothing lies below there is no overlay: the new layer itself is the root."""
        if not below:
            return _closing(os.dup(draft.fs_fd))
        work = os.path.join(scratch.path, "work")
        os.mkdir(work, 0o700)
        return _closing(self._runner.change(below, os.path.join(draft.path, "fs"), work))

    @contextmanager
    def _viewed(self, lowers: tuple[str, ...]) -> Iterator[Place]:
        place = Place(self._runner.view(lowers))
        try:
            yield place
        finally:
            place.close()

    def _lowers(self, vertex: int | None) -> tuple[str, ...]:
        """Top first."""
        made, base = self._outline.chain(vertex)
        found = [self._store.layer_dir(self.layers[one.id]) for one in reversed(made)]
        if base is not None:
            self.ready(vertex)
            for layer in reversed(base.layers):
                found.append(self._store.layer_dir(layer))
                if self._store.marker(layer)["opaque_root"]:
                    break
            found += [MACHINE] if base.on_host else []
        return tuple(found)

    def ready(self, vertex: int | None) -> None:
        """A context that a stage begins with becomes a layer when somebody wants it."""
        while vertex is not None:
            one = self._outline.recipe.vertices[vertex]
            work, vertex = one.work, one.parent
            if isinstance(work, Source) and not self._outline.contexts.is_image(work):
                assert isinstance(work.origin, FromContext), "downloads are no base"
                self._context_layer(work.origin.name, Selection())

    def _context_layer(self, name: str, selection: Selection) -> str:
        layer = layer_of_context(self._outline.contexts, name, selection)
        with self._lock:
            if not self._store.has_layer(layer):
                context = self._outline.contexts.context(name)
                with Draft(self._store) as draft:
                    given = Given(context, context.tree, selection)
                    transfer(draft.fs_fd, Copy((), "/"), [given])
                    draft.commit(layer, size=_settle(draft.fs_fd, self._outline.epoch), cache=True)
        return layer

    def _given(self, one: Input, adding: Adding | None, opened: ExitStack) -> Given:
        source = self._outline.recipe.vertices[one.vertex].work
        if isinstance(source, Source) and isinstance(source.origin, Remote):
            fetched = self._outline.contexts.fetched(source.origin)
            return Given(fetched, fetched.tree, one.selection, archives=bool(adding and adding.unpack))
        if isinstance(source, Source) and not self._outline.contexts.is_image(source):
            assert isinstance(source.origin, FromContext), "there is no other source"
            context = self._outline.contexts.context(source.origin.name)
            return Given(context, context.tree, one.selection, archives=bool(adding and adding.unpack is not False))
        place = opened.enter_context(self._viewed(self._lowers(one.vertex)))
        return Given(place, place.look(one.selection), one.selection)

    def _run(self, vertex: Vertex, execute: Execute, draft: Draft, scratch: Draft) -> None:
        bound = {id(one.mount): one for one in vertex.inputs}
        mounts = tuple(self._bound(mount, bound.get(id(mount))) for mount in execute.mounts)
        upper = os.path.join(draft.path, "fs")
        last: deque[str] = deque(maxlen=_LAST_LINES)

        def say(text: str) -> None:
            last.append(text)
            self._tell(StepSaid(vertex.id, text))

        order = Order(execute, self._lowers(vertex.parent), upper, scratch.path, mounts, say)
        try:
            code = self._runner.run(order)
        except Unbuildable:
            raise
        except StackupError as problem:
            raise failure(vertex, self._outline.request, "SU221", problem.message, problem.hint) from problem
        if code:
            detail = f'"{" ".join(execute.argv)[:300]}" ended with exit code {code}'
            failed = failure(vertex, self._outline.request, "SU221", detail)
            failed.said = tuple(last)
            raise failed

    def _bound(self, mount: Mount, given: Input | None) -> Bound:
        if given is None:
            return Bound(mount)
        source = self._outline.recipe.vertices[given.vertex].work
        if isinstance(source, Source) and not self._outline.contexts.is_image(source):
            assert isinstance(source.origin, FromContext), "downloads are not mounted"
            context = self._outline.contexts.context(source.origin.name)
            found = context.tree.resolve(mount.source.lstrip("/"))
            if found is None:
                raise NotThere(mount.source)
            layer = self._context_layer(source.origin.name, given.selection)
            inside = "" if context.tree.is_folder(found) else os.path.basename(mount.source)
            return Bound(mount, (self._store.layer_dir(layer),), inside)
        return Bound(mount, self._lowers(given.vertex), mount.source.lstrip("/"))


@contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


def _settle(root_fd: int, epoch: int | None) -> int:
    """Bytes of a layer's files; with an epoch, nothing in it is younger."""
    size = 0
    for name in os.listdir(root_fd):
        found = os.lstat(name, dir_fd=root_fd)
        if stat.S_ISDIR(found.st_mode):
            with _closing(open_confined(root_fd, name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)) as folder_fd:
                size += _settle(folder_fd, epoch)
        elif stat.S_ISREG(found.st_mode):
            size += found.st_size
        if epoch is not None and found.st_mtime_ns > epoch * 10**9:
            os.utime(name, ns=(epoch * 10**9, epoch * 10**9), dir_fd=root_fd, follow_symlinks=False)
    if epoch is not None and os.fstat(root_fd).st_mtime_ns > epoch * 10**9:
        os.utime(root_fd, ns=(epoch * 10**9, epoch * 10**9))
    return size
