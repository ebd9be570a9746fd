"""Every code with its meaning and an example: a small stack with exactly that problem, and the same stack mended.

The examples are case files beside this module, one a code, read by the reader of stack files itself. What `explain`
shows of them is what a user would see: nothing of it is written down.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from stackup.diagnostics import Diagnostic, Diagnostics
from stackup.engines.desire import Wish, desire
from stackup.engines.desire.codes import CODES as TRANSLATING
from stackup.engines.desire.facts import ImageFact, Look
from stackup.errors import HostError, RemoteError
from stackup.images.build.codes import CODES as BUILDING
from stackup.images.build.codes import DOING
from stackup.project import dockerfile, lockfile
from stackup.project.problems import rows_of
from stackup.project.watching.rules import rules_of
from stackup.stackfile.codes import CODES as READING
from stackup.stackfile.document import plain
from stackup.stackfile.load import Request, load
from stackup.stackfile.parse import parse
from stackup.values import Data

CODES: dict[str, tuple[str, str]] = READING | TRANSLATING | BUILDING
ALL = CODES | DOING
"""Those of problems that no example can show as well."""

FOLDER = os.path.join(os.path.dirname(__file__), "examples")
HOME = "/demo"
DOCKERFILE = "Dockerfile"
"""An example with this file alone is about building."""
MISSING, UNHEARD_OF = "nobody/has-this", "nobody/ever-pushed-this"
"""The images that an example's machine, and its registry, do not have; they have every other."""


@dataclass(frozen=True, slots=True)
class Example:
    """Files by name, as they go wrong and as they are right, and the profiles that are switched on."""

    bad: Mapping[str, str]
    good: Mapping[str, str]
    profiles: tuple[str, ...] = ()


def example(code: str) -> Example:
    path = os.path.join(FOLDER, f"{code}.yaml")
    with open(path, "rb") as file:
        (document,) = parse(file.read(), path, Diagnostics())
    found: Any = plain(document.root)
    return Example(_files(found["bad"]), _files(found["good"]), tuple(found.get("profiles", ())))


def _files(found: str | dict[str, str]) -> dict[str, str]:
    return {"compose.yaml": found} if isinstance(found, str) else found


def problems_of(files: Mapping[str, str], profiles: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What would be said of these files on a machine that has their images."""
    if set(files) == {DOCKERFILE}:
        return dockerfile.problems_of(files[DOCKERFILE], DOCKERFILE)
    disk = {f"{HOME}/{name}": text.encode() for name, text in files.items()}
    loaded = load(Request(HOME, read=disk.get, profiles=profiles))
    found: tuple[Diagnostic, ...] = loaded.diagnostics
    if loaded.stack is not None:
        problems, lock = Diagnostics(), files.get(lockfile.NAME)
        locked = lockfile.parsed(lock.encode(), lockfile.NAME, problems) if lock else None
        wish = Wish(locked=None if problems.failed else locked)
        rules_of(loaded, loaded.stack.services, problems)
        machine = _Machine(disk)
        found = (*found, *desire(loaded.stack, dict(loaded.origins), machine, wish, loaded.directory)[1], *problems)
    return rows_of(found, {**loaded.sources, **files})


class _Machine:
    """Facts of nowhere: the example's own files, no variables."""

    def __init__(self, disk: Mapping[str, bytes]) -> None:
        self._disk = disk

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        return None

    def image(self, reference: str, look: Look) -> ImageFact | None:
        if reference == UNHEARD_OF:
            raise RemoteError(f'"{reference}" is not at its registry', hint="check the name")
        return None if reference == MISSING else ImageFact(reference)

    def built(self, form: Data, *, anyway: bool = False) -> ImageFact:
        return ImageFact(str(form["name"]))

    def file_digest(self, path: str) -> str:
        if path not in self._disk:
            raise HostError(f'cannot read the file "{path}": no such file or directory', subject=path)
        return sha256(self._disk[path]).hexdigest()

    def exists(self, path: str) -> bool:
        return path in self._disk

    def mounts_of(self, container: str) -> None:
        return None

    def file_text(self, path: str, limit: int) -> str | None:
        return self._disk[path].decode() if path in self._disk else None

    def has_security_module(self, name: str) -> bool:
        return True

    def variable(self, name: str) -> str | None:
        return None

    def seal(self, text: str) -> tuple[str, str]:
        return "", ""

    def stored(self, kind: str, name: str) -> str | None:
        return None
