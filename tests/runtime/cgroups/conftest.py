"""`group`: a container's own groups on this machine, of a stack that vanishes with the test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackup.kernel import cgroupfs
from stackup.runtime.cgroups import groups as control_groups
from stackup.runtime.cgroups.groups import Cgroups


def files(folder: Path, **texts: str) -> list[str]:
    """A group of plain files; `memory__max` is named memory.max."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)
    return [str(folder)]


@dataclass(slots=True)
class Group:
    cgroups: Cgroups
    stack: str
    dirs: list[str]

    @property
    def version(self) -> int:
        return self.cgroups.version

    def sibling(self) -> list[str]:
        return self.cgroups.create(self.stack, "other")


@pytest.fixture
def group() -> Iterator[Group]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    stack, found = f"stackup-test-{secrets.token_hex(4)}", control_groups.detect()
    yield Group(found, stack, found.create(stack, "web"))
    for folder in found.directories(stack, ""):
        cgroupfs.kill([folder] if os.path.isdir(folder) else [])
    found.remove_stack(stack)
    assert not [folder for folder in found.directories(stack, "") if os.path.exists(folder)]
