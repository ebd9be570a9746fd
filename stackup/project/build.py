"""Build the images of a stack's services, one after the other: a build uses all of the machine already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stackup.engines.builtin.build import build as build_image
from stackup.engines.builtin.recipes import Wanted, request_of, surroundings_of, tags_of
from stackup.engines.desire.builds import build_form, in_order, unheeded
from stackup.errors import StackInvalid
from stackup.images.build.request import Told, Unbuildable
from stackup.images.importer import architecture
from stackup.project.dockerfile import problems_of
from stackup.project.problems import rows_of
from stackup.project.resolve import load
from stackup.project.session import Session, no_such_service

if TYPE_CHECKING:
    from stackup.stackfile.model import Stack
    from stackup.values import Data


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
        said = stack.services[name].build
        assert said is not None, "only those that are built are chosen"
        for key, why in unheeded(said, f"linux/{architecture()}"):
            session.notice(f'service "{name}": `build.{key}`: {why}')
        form = build_form(stack, name, session.where.environ.get)
        if not session.dry_run:
            done.append(_built(session, name, form, options, tell))
    return done


def _built(session: Session, name: str, form: Data, options: BuildOptions, tell: Callable[[str, Told], None]) -> Image:
    def told(event: Told) -> None:
        tell(name, event)

    environ, wanted = session.where.environ, options.wanted
    try:
        request, around = request_of(form, environ, wanted), surroundings_of(form, environ, wanted)
        found = build_image(session.layout, request, tags_of(form), told, around)
    except Unbuildable as problem:
        raise invalid(problem, name) from problem
    return Image(name, found.image, tags_of(form), found.made)


def invalid(problem: Unbuildable, name: str) -> StackInvalid:
    """With the lines that it speaks of."""
    rows = rows_of(problem.diagnostics, {problem.source: problem.text})
    return StackInvalid(rows, what=f'the build of "{name}"')


def check(session: Session, options: BuildOptions) -> list[dict[str, Any]]:
    """What can be said of the Dockerfiles without building anything."""
    stack, names = _chosen(session, options)
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        request = request_of(build_form(stack, name, session.where.environ.get), session.where.environ)
        for row in problems_of(request.dockerfile, request.source):
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
    return loaded.stack, in_order(services, tuple(names))
