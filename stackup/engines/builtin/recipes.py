"""A build's normal form becomes what the builder is asked for: the Dockerfile read, secrets and agents fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.engines.builtin.contents import Contents
from stackup.engines.desire.builds import NOTHING, Wanted
from stackup.engines.dockerfiles import dockerfile_of, place_of
from stackup.errors import UsageError
from stackup.images.build.platforms import proxies
from stackup.images.build.request import Request
from stackup.stamps import stamp
from stackup.values import Data


def request_of(form: Data, environ: Mapping[str, str], wanted: Wanted = NOTHING) -> Request:
    """`form` is `desire.builds.build_form`. Raises HostError for a Dockerfile that cannot be read."""
    said: Any = form
    given = {key: environ.get(key) if value is None else value for key, value in wanted.args.items()}
    seen = stamp(place_of(form)) if said["inline"] is None else None
    text, source = dockerfile_of(form)
    return Request(
        dockerfile=text,
        source=source,
        seen=seen,
        context=said["context"],
        args=said["args"] | {key: value for key, value in given.items() if value is not None},
        target=said["target"],
        labels=said["labels"],
        contexts=said["contexts"],
        no_cache=said["no_cache"] or wanted.no_cache,
        no_cache_filter=tuple(said["no_cache_filter"]),
        **({"again": said["again"]} if "again" in said else {}),
        apart=said.get("apart", ""),
        pull=said.get("pull", False) or wanted.pull,
        locked=said.get("locked", {}),
    )


def surroundings_of(
    form: Data, environ: Mapping[str, str], contents: Contents, wanted: Wanted = NOTHING
) -> Surroundings:
    """Raises HostError for a secret that cannot be read, UsageError for an agent that is not there."""
    said: Any = form
    return Surroundings(
        secrets={key: contents.read(where) for key, where in said["secrets"].items() if where},
        ssh=dict(_agent(text, environ) for text in (*said["ssh"], *wanted.ssh)),
        proxies=proxies(said["args"]),
        network=said["network"],
        extra_hosts=said["extra_hosts"],
        shm_size=said["shm_size"] or 64 << 20,
        ulimits=said["ulimits"],
        privileged=said["privileged"],
        insecure=said["privileged"] or "security.insecure" in said["entitlements"],
        host_network=said["network"] == "host" or "network.host" in said["entitlements"],
        memory=wanted.memory,
    )


def _agent(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """`default`, `name=path` of a socket."""
    name, _, path = text.partition("=")
    path = path or environ.get("SSH_AUTH_SOCK", "")
    if not path or not os.path.exists(path):
        raise UsageError(f'there is no agent for ssh "{name}"', subject=name, hint="start one: eval $(ssh-agent)")
    return name, path
