"""A folder in memory: a tmpfs where there is none, nothing where there is one, gone when it is empty."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.kernel import calls, memory
from tests.apart import run_apart


@pytest.mark.host
def test_it_is_mounted_once_and_leaves_when_it_is_empty(tmp_path: Path) -> None:
    folder = str(tmp_path / "a" / "b")

    def body() -> None:
        memory.release(folder)
        memory.provide(folder)
        memory.provide(folder)
        mine = [line for line in Path("/proc/self/mounts").read_text().splitlines() if folder in line]
        assert len(mine) == 1
        assert mine[0].split()[2] == "tmpfs"
        assert os.stat(folder).st_mode & 0o777 == 0o700
        Path(folder, "f").write_text("x")
        memory.release(folder)
        assert os.path.ismount(folder), "somebody's file is in it"
        os.unlink(f"{folder}/f")
        memory.release(folder)
        assert not os.path.ismount(folder)

    report = run_apart(body)
    assert not report or report.startswith("skip:"), report


@pytest.mark.host
def test_what_is_in_memory_already_is_left_as_it_is(tmp_path: Path) -> None:
    def body() -> None:
        calls.mount("tmpfs", str(tmp_path), "tmpfs", 0)
        memory.provide(str(tmp_path / "a"))
        assert not os.path.ismount(tmp_path / "a")

    report = run_apart(body)
    assert not report or report.startswith("skip:"), report
