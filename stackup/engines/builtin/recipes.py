"""A build's normal form becomes what the builder is asked for: the Dockerfile read, secrets and agents fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.errors import HostError, UsageError
from stackup.images.build.platforms import proxies
from stackup.images.build.request import Request
from stackup.values import Data

DOCKERFILE = "Dockerfile"
INLINE = "dockerfile_inline"
_LIMIT = 10 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command says beside the file. An argument without a value is the caller's variable."""

    args: Mapping[str, str | None]
    no_cache: bool = False
    ssh: tuple[str, ...] = ()
    memory: int = 0


NOTHING = Wanted(args={})


def request_of(form: Data, environ: Mapping[str, str], wanted: Wanted = NOTHING) -> Request:
    """`form` is `desire.builds.build_form`. Raises HostError for a Dockerfile that cannot be read."""
    said: Any = form
    given = {key: environ.get(key) if value is None else value for key, value in wanted.args.items()}
    text, source = _dockerfile(said)
    return Request(
        dockerfile=text,
        source=source,
        context=said["context"],
        args=said["args"] | {key: value for key, value in given.items() if value is not None},
        target=said["target"],
        labels=said["labels"],
        contexts=said["contexts"],
        no_cache=said["no_cache"] or wanted.no_cache,
        no_cache_filter=tuple(said["no_cache_filter"]),
        locked=said.get("locked", {}),
    )


def tags_of(form: Data) -> tuple[str, ...]:
    said: Any = form
    return (said["name"], *said["tags"])


def surroundings_of(form: Data, environ: Mapping[str, str], wanted: Wanted = NOTHING) -> Surroundings:
    """Raises HostError for a secret that cannot be read, UsageError for an agent that is not there."""
    said: Any = form
    secrets = {key: _secret(key, where, environ) for key, where in said["secrets"].items()}
    return Surroundings(
        secrets={key: value for key, value in secrets.items() if value is not None},
        ssh=dict(_agent(text, environ) for text in (*said["ssh"], *wanted.ssh)),
        proxies=proxies(said["args"]),
        network=said["network"],
        extra_hosts=said["extra_hosts"],
        shm_size=said["shm_size"] or 64 << 20,
        ulimits=said["ulimits"],
        privileged=said["privileged"],
        insecure=said["privileged"] or "security.insecure" in said["entitlements"],
        memory=wanted.memory,
    )


def _dockerfile(said: Any) -> tuple[str, str]:
    if said["inline"] is not None:
        return said["inline"], INLINE
    path = os.path.join(said["context"], said["dockerfile"] or DOCKERFILE)
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


def _secret(name: str, where: Mapping[str, str], environ: Mapping[str, str]) -> bytes | None:
    if "environment" in where:
        value = environ.get(where["environment"])
        return None if value is None else value.encode("utf-8", "surrogateescape")
    return _read(where["file"], f'the secret "{name}"') if "file" in where else None


def _agent(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """`default`, `name=path` of a socket."""
    name, _, path = text.partition("=")
    path = path or environ.get("SSH_AUTH_SOCK", "")
    if not path or not os.path.exists(path):
        raise UsageError(f'there is no agent for ssh "{name}"', subject=name, hint="start one: eval $(ssh-agent)")
    return name, path
