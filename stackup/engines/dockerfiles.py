"""The Dockerfile that a build's normal form speaks of, for whatever engine reads it."""

from __future__ import annotations

import errno
import os
from typing import Any

from stackup.errors import HostError, KernelError, UsageError
from stackup.kernel.resolve import open_confined
from stackup.values import Data

DOCKERFILE = "Dockerfile"
INLINE = "dockerfile_inline"
LIMIT = 10 << 20
ELSEWHERE = "elsewhere"
"""Marks a normal form whose context was brought here: its Dockerfile is not read through a link that leads out."""


def dockerfile_of(form: Data) -> tuple[str, str]:
    """Its text, and what to call it. Raises HostError when it cannot be read, UsageError when it is too large."""
    said: Any = form
    if said["inline"] is not None:
        return said["inline"], INLINE
    path = place_of(form)
    text = _read(path, said["context"] if ELSEWHERE in said else "", said["dockerfile"] or DOCKERFILE)
    return text.decode("utf-8", "surrogateescape"), path


def place_of(form: Data) -> str:
    """Of one that is a file."""
    said: Any = form
    return os.path.join(said["context"], said["dockerfile"] or DOCKERFILE)


def _read(path: str, root: str, name: str) -> bytes:
    try:
        with open(path, "rb", opener=(lambda _, flags: _beneath(root, name, flags)) if root else None) as file:
            content = file.read(LIMIT + 1)
    except (OSError, KernelError) as problem:
        reason = "it leads out of its context" if problem.errno == errno.EXDEV else os.strerror(problem.errno or 0)
        raise HostError(f'cannot read the Dockerfile, "{path}": {reason.lower()}', subject=path) from problem
    if len(content) > LIMIT:
        raise UsageError(f'"{path}" is larger than 10 MiB', subject=path)
    return content


def _beneath(root: str, name: str, flags: int) -> int:
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return open_confined(root_fd, name, flags)
    finally:
        os.close(root_fd)
