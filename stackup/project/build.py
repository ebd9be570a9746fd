"""Build the images of a stack's services, one after the other: a build uses all of the machine already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stackup.buildcache import LOCAL
from stackup.engines.desire.builds import NOTHING, Wanted, build_form, in_order, names_of, unheeded
from stackup.errors import StackupError
from stackup.images.importer import architecture
from stackup.project import cache, lockfile
from stackup.project.dockerfile import problems_of
from stackup.project.held import held_bases
from stackup.project.piped import with_input
from stackup.project.problems import readable, rows_of, tell
from stackup.project.resolve import facts_of, load
from stackup.project.session import Session, no_such_service
from stackup.stamps import stamp

if TYPE_CHECKING:
    from stackup.images.build.request import Told
    from stackup.stackfile.model import Stack
    from stackup.values import Data


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    services: tuple[str, ...] = ()
    wanted: Wanted = field(default=NOTHING)
    with_dependencies: bool = False


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

    try:
        image, made = session.host.builder().build(form, options.wanted, told)
    except StackupError as problem:
        raise readable(problem) from problem
    return Image(name, image, names_of(form), made)


def check(session: Session, options: BuildOptions) -> list[dict[str, Any]]:
    """What can be said of the Dockerfiles without building anything."""
    rows: dict[str, dict[str, Any]] = {}
    for _, form, _ in forms(session, options):
        for row in problems_of(*session.host.builder().dockerfile(form)):
            rows[repr(row)] = row
    return list(rows.values())


def bake(session: Session, options: BuildOptions) -> dict[str, Any]:
    """What would be built, in the words of a bake file, as docker compose prints it."""
    targets = {name: _target(form, options.wanted) for name, form, _ in forms(session, options)}
    return {"group": {"default": {"targets": list(targets)}}, "target": targets}


def _target(form: Data, wanted: Wanted) -> dict[str, Any]:
    said: Any = form
    given = {key: value for key, value in wanted.args.items() if value is not None}
    told = {
        "context": said["context"],
        "contexts": said["contexts"],
        "dockerfile": said["dockerfile"] or "Dockerfile",
        "dockerfile-inline": said["inline"],
        "args": said["args"] | given,
        "labels": said["labels"],
        "tags": list(names_of(form)),
        "target": said["target"],
        "ssh": [*said["ssh"], *wanted.ssh],
        "cache-from": [_cache(one, "src") for one in said["cache_from"]],
        "cache-to": [_cache(one, "dest") for one in said["cache_to"]],
        "pull": said["pull"] or wanted.pull,
        "no-cache": said["no_cache"] or wanted.no_cache,
        "network": "" if said["network"] == "default" else said["network"],
        "entitlements": said["entitlements"],
        "output": ["type=docker"],
    }
    return {key: value for key, value in told.items() if value}


def _cache(said: dict[str, Any], key: str) -> dict[str, str]:
    place = {key: said["place"], "tag": said["tag"]} if said["kind"] == LOCAL else {"ref": said["place"]}
    more = {"mode": "max"} if said.get("every") else {}
    return {"type": said["kind"], **place, **more, **({"ignore-error": "true"} if said.get("lenient") else {})}


def forms(session: Session, options: BuildOptions) -> list[tuple[str, Data, list[str]]]:
    """Service, normal form and what is to be said of it, in the order to build them; kept until the files change."""
    asked = (*options.services, *(["--with-dependencies"] if options.with_dependencies else []))
    key = cache.key_of(session.where, "build", asked)
    kept = None if session.locked else cache.read(session.layout, session.where, key)
    if kept is None:
        loaded = load(session, options.services)
        assert loaded.stack is not None, "load() has seen to it"
        rests_on = {path: stamp(path) for path in lockfile.paths_of(session, loaded)} | dict(loaded.inputs.files)
        stack, bases = held_bases(session, loaded)
        chosen, facts, folder = _chosen(stack, options), facts_of(session, loaded), loaded.directory
        names = in_order(stack.services, chosen)
        rows = [[name, build_form(stack, name, facts, folder) | bases, _notices(stack, name)] for name in names]
        held = [name for name in chosen if loaded.stack.services[name].build and name not in names]
        kept = {"rows": rows, "held": held, "problems": rows_of(loaded.diagnostics, loaded.sources)}
        cache.write(session.layout, key, kept, (rests_on, {**loaded.inputs.variables, **facts.variables}))
    tell(session, kept["problems"])
    for name in kept["held"]:
        session.notice(lockfile.HELD.format(name))
    return [(name, with_input(session, form), notices) for name, form, notices in kept["rows"]]


def _notices(stack: Stack, name: str) -> list[str]:
    said = stack.services[name].build
    assert said is not None, "only those that are built are chosen"
    found = unheeded(said, f"linux/{architecture()}")
    return [f'service "{name}": `build.{key}`: {why}' for key, why in found]


def _chosen(stack: Stack, options: BuildOptions) -> tuple[str, ...]:
    services = stack.services
    for name in options.services:
        if name not in services:
            raise no_such_service(name, tuple(services))
    names = list(options.services or services)
    if options.with_dependencies:
        for name in names:
            names += [other for other in services[name].depends_on if other in services and other not in names]
    return tuple(names)
