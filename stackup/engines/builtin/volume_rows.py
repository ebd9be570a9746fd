"""Volumes as users see them: rows of all stacks with the containers that use each, and one's folder held open. Hot."""

from __future__ import annotations

import os
from contextlib import contextmanager

from stackup.engines.builtin import rows
from stackup.engines.engine import ANONYMOUS
from stackup.errors import HostError
from stackup.kernel import files
from stackup.layout import UNSTACKED
from stackup.runtime import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from stackup.layout import Layout


def volumes(layout: Layout) -> list[dict[str, Any]]:
    """Of all stacks, but for those that only stand for another one."""
    users = _users(layout)
    return [
        _row(stack, found, users)
        for stack in files.list_dir(layout.stacks_dir)
        for _, found in record.walk(layout.kind_dir(stack, "volume"))
        if found["phase"] == "ready" and not found["spec"]["external"]
    ]


def _row(stack: str, found: Mapping[str, Any], users: Mapping[str, list[dict[str, str]]]) -> dict[str, Any]:
    spec, key = found["spec"], found["address"].partition("/")[2]
    ours = {} if stack == UNSTACKED else {"com.docker.compose.project": stack, "com.docker.compose.volume": key}
    return {
        "stack": stack,
        "key": key,
        "name": spec["name"],
        "driver": spec["driver"],
        "options": spec["driver_opts"],
        "labels": {**spec["labels"], **ours},
        "anonymous": ANONYMOUS in spec["labels"],
        "created_at": found["created_at"],
        "mountpoint": found["given"].get("data", ""),
        "users": users.get(spec["name"], []),
    }


def _users(layout: Layout) -> dict[str, list[dict[str, str]]]:
    """By the volume's name on the host: every container that was made with it, whether it runs or not."""
    found: dict[str, list[dict[str, str]]] = {}
    for stack in rows.stacks(layout):
        for _, claim in record.walk(layout.kind_dir(stack, "container")):
            for name in set(claim["given"].get("volumes", {}).values()):
                found.setdefault(name, []).append({"id": claim["instance"], "name": claim["spec"]["name"]})
    return found


@contextmanager
def opened(volume: Mapping[str, Any]) -> Iterator[int]:
    try:
        fd = os.open(volume["mountpoint"], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(
            f'the files of volume "{volume["name"]}" are not there: {os.strerror(error.errno or 0).lower()}',
            subject=volume["name"],
            hint="`stackup up` mounts what should be mounted",
        ) from error
    try:
        yield fd
    finally:
        os.close(fd)
