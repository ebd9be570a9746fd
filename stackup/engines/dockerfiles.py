"""The Dockerfile that a build's normal form speaks of, for whatever engine reads it."""

from __future__ import annotations

import os
from typing import Any

from stackup.errors import HostError, UsageError
from stackup.values import Data

DOCKERFILE = "Dockerfile"
INLINE = "dockerfile_inline"
_LIMIT = 10 << 20


def dockerfile_of(form: Data) -> tuple[str, str]:
    """Its text, and what to call it. Raises HostError when it cannot be read, UsageError when it is too large."""
    said: Any = form
    if said["inline"] is not None:
        return said["inline"], INLINE
    path = place_of(form)
    return _read(path).decode("utf-8", "surrogateescape"), path


def place_of(form: Data) -> str:
    """Of one that is a file."""
    said: Any = form
    return os.path.join(said["context"], said["dockerfile"] or DOCKERFILE)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(_LIMIT + 1)
    except OSError as problem:
        reason = (problem.strerror or "").lower()
        raise HostError(f'cannot read the Dockerfile, "{path}": {reason}', subject=path) from problem
    if len(content) > _LIMIT:
        raise UsageError(f'"{path}" is larger than 10 MiB', subject=path)
    return content
