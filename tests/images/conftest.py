"""A layer root in the making, beside a canary that must not change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stackup.images.store import Store
from stackup.images.tar import Limits
from stackup.images.unpack import Unpacked, unpack
from tests.images.trees import plant_canary, snapshot

Unpack = Callable[..., Unpacked]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "store/layer/fs"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Beside the layer; compared when the test is over, whatever happened in it."""
    path = tmp_path / "host"
    before = plant_canary(path)
    yield path
    assert snapshot(path) == before


@pytest.fixture
def unpack_into(root: Path) -> Unpack:
    def run(archive: bytes, *, limits: Limits | None = None, privileged: bool = False) -> Unpacked:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return unpack(iter([archive] if archive else []), fd, limits=limits or Limits(), privileged=privileged)
        finally:
            os.close(fd)

    return run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "images"))
