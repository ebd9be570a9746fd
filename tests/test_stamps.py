"""A stamp holds for as long as nothing has changed, and not a moment longer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup import stamps
from stackup.stamps import NEVER, YOUNG_NS, holds, stamp


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files are older than the longest tick."""
    now = stamps.time.time_ns
    monkeypatch.setattr(stamps.time, "time_ns", lambda: now() + YOUNG_NS)


def test_nothing_is_none_and_stays_so_until_something_comes(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    assert stamp(path) is None
    assert holds(path, None)
    Path(path).write_text("")
    assert not holds(path, None)


def test_a_young_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    """A change within the tick, made here by hand: all times and sizes are those of before."""
    path = tmp_path / "x"
    path.write_text("one")
    seen = stamp(str(path))
    assert seen is not None
    assert len(seen) == 6
    assert holds(str(path), seen)
    path.write_text("two")
    now = stamp(str(path))
    assert now is not None
    assert not holds(str(path), [*now[:5], seen[5]])


@pytest.mark.usefixtures("old")
def test_an_old_file_is_known_by_its_times_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("one")
    seen = stamp(str(path))
    assert seen is not None
    assert len(seen) == 5
    status = path.stat()
    path.write_text("two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not holds(str(path), seen), "the change time cannot be set back"


def test_a_folder_is_known_by_the_names_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "tags"
    folder.mkdir()
    assert stamp(str(folder)) is None, "nothing in it is nothing there"
    assert holds(str(folder), None)
    (folder / "a").write_text("")
    seen = stamp(str(folder))
    assert holds(str(folder), seen)
    assert not holds(str(folder), None)
    (folder / "b").write_text("")
    assert not holds(str(folder), seen)


def test_what_is_read_only_once_never_holds(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), "/dev/null"):
        assert stamp(path) == NEVER
        assert not holds(path, NEVER)


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000, ""])
def test_a_path_that_no_file_can_have_is_nothing(path: str) -> None:
    assert stamp(path) is None
    assert holds(path, None)
    assert not holds(path, [1, 2, 3, 4, 5])
