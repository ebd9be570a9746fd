"""Locks that end with their holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from stackup.images import locks


def test_shared_holders_do_not_exclude_each_other_but_an_exclusive_one(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with locks.shared(path), locks.shared(path):
        fd = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)
    with locks.exclusive(path):
        assert locks.claim(path) is None


def test_what_is_held_cannot_be_claimed_until_it_is_let_go(tmp_path: Path) -> None:
    held = locks.hold(str(tmp_path))
    assert locks.claim(str(tmp_path)) is None
    os.close(held)
    claimed = locks.claim(str(tmp_path))
    assert claimed is not None
    os.close(claimed)


def test_nothing_can_be_claimed_where_nothing_is(tmp_path: Path) -> None:
    assert locks.claim(str(tmp_path / "absent")) is None
