"""Build the images of a stack's services, one after the other: a build uses all of the machine already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stackup.engines.builtin.build import build as build_image
from stackup.engines.builtin.recipes import Job, Wanted, job_of, needs
from stackup.errors import StackInvalid, UsageError
from stackup.images.build.request import Told, Unbuildable
from stackup.project.problems import rows_of
from stackup.project.resolve import load
from stackup.project.session import Session, no_such_service

if TYPE_CHECKING:
    from stackup.stackfile.model import Service, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    services: tuple[str, ...] = ()
    args: Mapping[str, str | None] = field(default_factory=dict)
    no_cache: bool = False
    with_dependencies: bool = False
    ssh: tuple[str, ...] = ()
    memory: int = 0

    @property
    def wanted(self) -> Wanted:
        return Wanted(args=self.args, no_cache=self.no_cache, ssh=self.ssh, memory=self.memory)


@dataclass(frozen=True, slots=True)
class Image:
    """What was built for a service; `made` counts the layers that were not there before."""

    service: str
    image: str
    tags: tuple[str, ...]
    made: int


def build(session: Session, options: BuildOptions, tell: Callable[[str, Told], None]) -> list[Image]:
    """`tell` gets the service with what happens. Raises StackInvalid for what a Dockerfile gets wrong."""
    stack, names = _chosen(session, options)
    done = []
    for name in names:
        job = job_of(stack, name, session.where.environ, options.wanted)
        for key, why in job.unheeded:
            session.notice(f'service "{name}": `build.{key}`: {why}')
        if not session.dry_run:
            done.append(_built(session, name, job, tell))
    return done


def _built(session: Session, name: str, job: Job, tell: Callable[[str, Told], None]) -> Image:
    def told(event: Told) -> None:
        tell(name, event)

    try:
        found = build_image(session.layout, job.request, job.tags, told, job.surroundings)
    except Unbuildable as problem:
        rows = rows_of(problem.diagnostics, {problem.source: problem.text})
        raise StackInvalid(rows, what=f'the build of "{name}"') from problem
    return Image(name, found.image, job.tags, found.made)


def check(session: Session, options: BuildOptions) -> list[dict[str, Any]]:
    """What can be said of the Dockerfiles without building anything."""
    from stackup.project.dockerfile import problems_of

    stack, names = _chosen(session, options)
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        job = job_of(stack, name, session.where.environ, options.wanted)
        for row in problems_of(job.request.dockerfile, job.request.source):
            rows[repr(row)] = row
    return list(rows.values())


def _chosen(session: Session, options: BuildOptions) -> tuple[Stack, list[str]]:
    """The services that are built, those before whose images others need."""
    loaded = load(session, options.services)
    assert loaded.stack is not None, "load() has seen to it"
    services = loaded.stack.services
    for name in options.services:
        if name not in services:
            raise no_such_service(name, tuple(services))
    names = list(options.services or services)
    if options.with_dependencies:
        for name in names:
            names += [other for other in services[name].depends_on if other in services and other not in names]
    order: list[str] = []
    for name in names:
        _visit(services, name, order, ())
    return loaded.stack, order


def _visit(services: Mapping[str, Service], name: str, order: list[str], above: tuple[str, ...]) -> None:
    if name in above:
        way = " -> ".join((*above[above.index(name) :], name))
        raise UsageError(f"builds need each other: {way}", subject=name, hint="see additional_contexts")
    if name in order or name not in services or services[name].build is None:
        return
    for other in needs(services[name]):
        _visit(services, other, order, (*above, name))
    order.append(name)
