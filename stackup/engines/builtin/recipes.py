"""`build` of a service as what a builder is asked for: the file's words, the Dockerfile read, the secrets fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.errors import HostError, UsageError
from stackup.images.build.platforms import proxies
from stackup.images.build.request import Request
from stackup.images.importer import architecture

if TYPE_CHECKING:
    from stackup.runtime.spec import Ulimit
    from stackup.stackfile.model import Service, Stack
    from stackup.stackfile.model.resources import Build

DOCKERFILE = "Dockerfile"
SERVICE = "service:"
_LIMIT = 10 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command says beside the file."""

    args: Mapping[str, str | None]
    no_cache: bool = False
    ssh: tuple[str, ...] = ()
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One image to be built. `unheeded` are the keys that have no effect, with why."""

    request: Request
    surroundings: Surroundings
    tags: tuple[str, ...]
    unheeded: tuple[tuple[str, str], ...]


def job_of(stack: Stack, name: str, environ: Mapping[str, str], wanted: Wanted) -> Job:
    """Raises HostError for a Dockerfile or a secret that cannot be read."""
    service = stack.services[name]
    build = service.build
    assert build is not None, "the caller has seen to it"
    args = _args({**build.args, **wanted.args}, environ)
    text, source = _dockerfile(build)
    request = Request(
        dockerfile=text,
        source=source,
        context=build.context,
        args=args,
        target=build.target or "",
        labels=build.labels,
        contexts={key: _context(stack, value) for key, value in build.additional_contexts.items()},
        no_cache=build.no_cache or wanted.no_cache,
        no_cache_filter=build.no_cache_filter,
    )
    tags = (image_name(stack.name, name, service), *build.tags)
    return Job(request, _surroundings(stack, build, environ, args, wanted), tags, tuple(_unheeded(build)))


def image_name(stack: str, name: str, service: Service) -> str:
    """What a build without a name is called, as docker compose calls it."""
    return service.image or f"{stack}-{name}"


def needs(service: Service) -> tuple[str, ...]:
    """Services whose images a build begins with or copies from."""
    contexts = service.build.additional_contexts.values() if service.build else ()
    return tuple(value.removeprefix(SERVICE) for value in contexts if value.startswith(SERVICE))


def _context(stack: Stack, value: str) -> str:
    if not value.startswith(SERVICE):
        return value
    name = value.removeprefix(SERVICE)
    if name not in stack.services:
        raise UsageError(f"no such service: {name}", subject=name, hint="see additional_contexts")
    return f"docker-image://{image_name(stack.name, name, stack.services[name])}"


def _args(given: Mapping[str, str | None], environ: Mapping[str, str]) -> dict[str, str]:
    """One without a value is the caller's variable, where there is one."""
    found = {key: environ.get(key) if value is None else value for key, value in given.items()}
    return {key: value for key, value in found.items() if value is not None}


def _dockerfile(build: Build) -> tuple[str, str]:
    if build.dockerfile_inline is not None:
        return build.dockerfile_inline, "dockerfile_inline"
    path = os.path.join(build.context, build.dockerfile or DOCKERFILE)
    return _read(path, "the Dockerfile").decode("utf-8", "surrogateescape"), path


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(_LIMIT + 1)
    except OSError as problem:
        raise HostError(f'cannot read {what}, "{path}": {(problem.strerror or "").lower()}', subject=path) from problem
    if len(content) > _LIMIT:
        raise UsageError(f'"{path}" is larger than 10 MiB', subject=path)
    return content


def _surroundings(
    stack: Stack, build: Build, environ: Mapping[str, str], args: Mapping[str, str], wanted: Wanted
) -> Surroundings:
    secrets = {grant.target or grant.source: _secret(stack, grant.source, environ) for grant in build.secrets}
    ulimits: dict[str, Ulimit] = {key: {"soft": one.soft, "hard": one.hard} for key, one in build.ulimits.items()}
    return Surroundings(
        secrets={key: value for key, value in secrets.items() if value is not None},
        ssh=dict(_agent(text, environ) for text in (*build.ssh, *wanted.ssh)),
        proxies=proxies(args),
        network=build.network or "default",
        extra_hosts={key: list(value) for key, value in build.extra_hosts.items()},
        shm_size=build.shm_size or 64 << 20,
        ulimits=ulimits,
        privileged=build.privileged,
        insecure=build.privileged or "security.insecure" in build.entitlements,
        memory=wanted.memory,
    )


def _secret(stack: Stack, name: str, environ: Mapping[str, str]) -> bytes | None:
    secret = stack.secrets.get(name)
    if secret is None:
        return None
    if secret.environment:
        value = environ.get(secret.environment)
        return None if value is None else value.encode("utf-8", "surrogateescape")
    return _read(secret.file, f'the secret "{name}"') if secret.file else None


def _agent(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """`default`, `name=path` of a socket."""
    name, _, path = text.partition("=")
    path = path or environ.get("SSH_AUTH_SOCK", "")
    if not path or not os.path.exists(path):
        raise UsageError(f'there is no agent for ssh "{name}"', subject=name, hint="start one: eval $(ssh-agent)")
    return name, path


def _unheeded(build: Build) -> list[tuple[str, str]]:
    found = []
    own = f"linux/{architecture()}"
    others = [platform for platform in build.platforms if platform != own]
    if others:
        found.append(("platforms", f"only {own} is built, not {', '.join(others)}"))
    for key in ("cache_from", "cache_to"):
        if getattr(build, key):
            found.append((key, "layers are cached on this machine only"))
    for key in ("provenance", "sbom"):
        if getattr(build, key) not in (None, "false", "False", False):
            found.append((key, "no attestation is made"))
    return found
