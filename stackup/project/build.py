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
from stackup.project import cache, lockfile
from stackup.project.dockerfile import problems_of
from stackup.project.held import held_bases
from stackup.project.problems import rows_of
from stackup.project.resolve import load
from stackup.project.session import Session, no_such_service
from stackup.stamps import stamp

if TYPE_CHECKING:
    from stackup.stackfile.load import Loaded
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
    done = []
    for name, form, notices in forms(session, options):
        for text in notices:
            session.notice(text)
        if not session.dry_run:
            done.append(_built(session, name, form, options, tell))
    return done


def _built(session: Session, name: str, form: Data, options: BuildOptions, tell: Callable[[str, Told], None]) -> Image:
    def told(event: Told) -> None:
        tell(name, event)

    environ, wanted = session.where.environ, options.wanted
    try:
        request, around = request_of(form, environ, wanted), surroundings_of(form, environ, wanted)
        found = build_image(session.layout, request, tags_of(form), told, around, environ=environ)
    except Unbuildable as problem:
        raise invalid(problem, name) from problem
    return Image(name, found.image, tags_of(form), found.made)


def invalid(problem: Unbuildable, name: str) -> StackInvalid:
    """With the lines that it speaks of."""
    rows = rows_of(problem.diagnostics, {problem.source: problem.text})
    return StackInvalid(rows, what=f'the build of "{name}"')


def check(session: Session, options: BuildOptions) -> list[dict[str, Any]]:
    """What can be said of the Dockerfiles without building anything."""
    rows: dict[str, dict[str, Any]] = {}
    for _, form, _ in forms(session, options):
        request = request_of(form, session.where.environ)
        for row in problems_of(request.dockerfile, request.source):
            rows[repr(row)] = row
    return list(rows.values())


def forms(session: Session, options: BuildOptions) -> list[tuple[str, Data, list[str]]]:
    """Service, normal form and what is to be said of it, in the order to build them; kept until the files change."""
    asked = (*options.services, *(["--with-dependencies"] if options.with_dependencies else []))
    key = cache.key_of(session.where, "build", asked)
    kept = None if session.locked else cache.read(session.layout, session.where, key)
    if kept is None:
        loaded, names = _chosen(session, options)
        assert loaded.stack is not None, "load() has seen to it"
        variables: dict[str, str | None] = dict(loaded.inputs.variables)

        def variable(name: str) -> str | None:
            variables[name] = session.where.environ.get(name)
            return variables[name]

        rests_on = {path: stamp(path) for path in (lockfile.path_of(loaded),)} | dict(loaded.inputs.files)
        held = held_bases(session, loaded)
        rows = [[name, build_form(loaded.stack, name, variable) | held, _notices(loaded.stack, name)] for name in names]
        kept = {"rows": rows}
        cache.write(session.layout, key, kept, (rests_on, variables))
    return [(name, form, notices) for name, form, notices in kept["rows"]]


def _notices(stack: Stack, name: str) -> list[str]:
    said = stack.services[name].build
    assert said is not None, "only those that are built are chosen"
    found = unheeded(said, f"linux/{architecture()}")
    return [f'service "{name}": `build.{key}`: {why}' for key, why in found]


def _chosen(session: Session, options: BuildOptions) -> tuple[Loaded, list[str]]:
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
    return loaded, in_order(services, tuple(names))
