"""`build` of a service as plain data: what a plan shows, what a plan file keeps, and all that a builder has to know.

Secrets are named by where they come from, and what is a variable's is sealed; they are read when a step wants them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from stackup import buildcache
from stackup.engines.desire.sources import build_source
from stackup.errors import UsageError
from stackup.images.locked import movable

if TYPE_CHECKING:
    from stackup.engines.desire.facts import Facts
    from stackup.stackfile.model import Service, Stack
    from stackup.stackfile.model.resources import Build
    from stackup.values import Data, Json

SERVICE = "service:"
IMAGE = "docker-image://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command says beside the file. An argument without a value is the caller's variable."""

    args: Mapping[str, str | None] = field(default_factory=dict)
    no_cache: bool = False
    pull: bool = False
    ssh: tuple[str, ...] = ()
    memory: int = 0


NOTHING = Wanted()


def image_name(stack: str, name: str, service: Service) -> str:
    """What a build without a name is called, as docker compose calls it."""
    return service.image or f"{stack}-{name}"


def build_form(stack: Stack, name: str, facts: Facts, directory: str) -> Data:
    """An argument without a value is the caller's variable, where there is one. `directory` is the stack's."""
    service = stack.services[name]
    build = service.build
    assert build is not None, "the caller has seen to it"
    args = {key: facts.variable(key) if value is None else value for key, value in build.args.items()}
    form: Data = {
        "name": image_name(stack.name, name, service),
        "tags": list(build.tags),
        "context": build.context,
        "dockerfile": build.dockerfile or "",
        "inline": build.dockerfile_inline,
        "args": {key: value for key, value in args.items() if value is not None},
        "target": build.target or "",
        "labels": dict(build.labels),
        "contexts": {key: _context(stack, value) for key, value in build.additional_contexts.items()},
        "cache_from": _caches(build.cache_from, directory, writing=False),
        "cache_to": _caches(build.cache_to, directory, writing=True),
        "apart": _apart(stack, directory),
        "no_cache": build.no_cache,
        "pull": build.pull,
        "no_cache_filter": list(build.no_cache_filter),
        "secrets": {grant.target or grant.source: _secret(stack, grant.source, facts) for grant in build.secrets},
        "ssh": list(build.ssh),
        "network": build.network or "default",
        "extra_hosts": {key: list(value) for key, value in build.extra_hosts.items()},
        "shm_size": build.shm_size or 0,
        "ulimits": {key: {"soft": one.soft, "hard": one.hard} for key, one in build.ulimits.items()},
        "privileged": build.privileged,
        "entitlements": list(build.entitlements),
    }
    return form


def names_of(form: Data) -> tuple[str, ...]:
    """What the image is called."""
    said: Any = form
    return (said["name"], *said["tags"])


def needs(service: Service) -> tuple[str, ...]:
    """Services whose images a build begins with or copies from."""
    contexts = service.build.additional_contexts.values() if service.build else ()
    return tuple(value.removeprefix(SERVICE) for value in contexts if value.startswith(SERVICE))


def own_names(stack: Stack) -> frozenset[str]:
    """Names that the builds of a stack give, in full."""
    built = {name: service for name, service in stack.services.items() if service.build}
    names = [image_name(stack.name, name, service) for name, service in built.items()]
    names += [tag for service in built.values() for tag in (service.build.tags if service.build else ())]
    return frozenset(str(movable(name)) for name in names)


def in_order(services: dict[str, Service], wanted: tuple[str, ...]) -> list[str]:
    """The services that are built, those whose images others need before them. Raises UsageError for a circle."""
    order: list[str] = []
    for name in wanted:
        _visit(services, name, order, ())
    return order


def _visit(services: dict[str, Service], name: str, order: list[str], above: tuple[str, ...]) -> None:
    if name in above:
        way = " -> ".join((*above[above.index(name) :], name))
        raise UsageError(f"builds need each other: {way}", subject=name, hint="see additional_contexts")
    if name in order or name not in services or services[name].build is None:
        return
    for other in needs(services[name]):
        _visit(services, other, order, (*above, name))
    order.append(name)


def unheeded(build: Build, platform: str) -> list[tuple[str, str]]:
    """Keys without effect, with why. `platform` is this machine's."""
    others = [one for one in build.platforms if one != platform]
    return [("platforms", f"only {platform} is built, not {', '.join(others)}")] if others else []


def _context(stack: Stack, value: str) -> str:
    if not value.startswith(SERVICE):
        return value
    name = value.removeprefix(SERVICE)
    if name not in stack.services:
        raise UsageError(f"no such service: {name}", subject=name, hint="see additional_contexts")
    return f"{IMAGE}{image_name(stack.name, name, stack.services[name])}"


def _caches(texts: Iterable[str], directory: str, *, writing: bool) -> list[Json]:
    """Those that are of a kind that we know; the others are named when the file is read."""
    found: list[Json] = []
    for text in filter(None, texts):
        said = buildcache.parse(text, writing=writing)
        place = os.path.normpath(os.path.join(directory, said.place)) if said.kind == buildcache.LOCAL else said.place
        if said.kind in (buildcache.LOCAL, buildcache.REGISTRY):
            one: Data = {"kind": said.kind, "place": place, "tag": said.tag}
            found.append(one | ({"every": said.every, "lenient": said.lenient} if writing else {}))
    return found


def _apart(stack: Stack, directory: str) -> str:
    """Which caches a stack believes: whoever writes them can say what its steps make, and nobody else's."""
    builds = [service.build for service in stack.services.values() if service.build]
    texts = [text for build in builds for text in build.cache_from]
    named = sorted({json.dumps(one, sort_keys=True) for one in _caches(texts, directory, writing=False)})
    return sha256("\n".join(named).encode()).hexdigest() if named else ""


def _secret(stack: Stack, name: str, facts: Facts) -> Json:
    secret = stack.secrets.get(name)
    return {} if secret is None else cast("Json", build_source("secret", secret, facts))
