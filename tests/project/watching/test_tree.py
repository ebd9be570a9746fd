"""The kernel says where to look, what was there before decides. Real folders; every wait is for an event."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackup.kernel.inotify import LOST, Happening
from stackup.project.watching.tree import Tree


class Place:
    def __init__(self, root: Path, *roots: Path) -> None:
        self.root = root
        self.tree = Tree([str(one) for one in roots or (root,)], lambda path: path.endswith("/skipped"))

    def changes(self) -> set[str]:
        """What is told until everything has been heard of; the paths from the root."""
        assert self.tree.wait(5), "nothing has happened"
        return {os.path.relpath(path, self.root) for path in self.tree.changes()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/a").write_text("a")
    (tmp_path / "skipped").mkdir()
    made = Place(tmp_path)
    yield made
    made.tree.close()


def test_a_written_file(place: Place) -> None:
    (place.root / "old/a").write_text("b")
    assert place.changes() == {"old/a"}
    assert not place.tree.wait(0)


def test_a_save_by_rename_is_one_change(place: Place) -> None:
    (place.root / "old/.a.new").write_text("b")
    os.rename(place.root / "old/.a.new", place.root / "old/a")
    assert place.changes() == {"old/a"}


def test_a_folder_that_appears_is_looked_into(place: Place) -> None:
    (place.root / "new/deep").mkdir(parents=True)
    (place.root / "new/deep/b").write_text("b")
    assert place.changes() == {"new", "new/deep", "new/deep/b"}
    (place.root / "new/deep/b").write_text("c")
    assert place.changes() == {"new/deep/b"}


def test_what_is_in_a_folder_goes_with_it(place: Place) -> None:
    shutil.move(place.root / "old", place.root.parent / f"{place.root.name}-gone")
    assert place.changes() == {"old", "old/a"}


def test_a_folder_that_moves_is_known_under_its_new_name(place: Place) -> None:
    os.rename(place.root / "old", place.root / "young")
    assert place.changes() == {"old", "old/a", "young", "young/a"}
    (place.root / "young/a").write_text("c")
    assert place.changes() == {"young/a"}


def test_modes_and_links_count(place: Place) -> None:
    (place.root / "old/a").chmod(0o700)
    (place.root / "link").symlink_to("nowhere")
    assert place.changes() == {"old/a", "link"}


def test_nobody_looks_into_what_is_skipped(place: Place) -> None:
    (place.root / "skipped/a").write_text("a")
    assert not place.tree.wait(0)


def test_a_lost_queue_is_one_look_at_everything(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    inotify = place.tree._inotify
    (place.root / "old/a").unlink()
    (place.root / "old/b").write_text("b")
    while inotify.wait(0):
        inotify.read()
    lost = iter([[Happening(-1, LOST, "")]])
    monkeypatch.setattr(type(inotify), "read", lambda _: next(lost, []))
    assert {os.path.relpath(path, place.root) for path in place.tree.changes()} == {"old/a", "old/b"}


def test_a_root_that_is_removed_and_comes_again(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a").write_text("a")
    place = Place(tmp_path, tmp_path / "src")
    shutil.rmtree(tmp_path / "src")
    assert place.changes() == {"src/a"}
    (tmp_path / "src").mkdir()
    (tmp_path / "src/b").write_text("b")
    assert place.changes() == {"src/b"}
    place.tree.close()


def test_a_root_that_is_not_there_yet(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "a/b/c")
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/c/d").write_text("d")
    assert place.changes() == {"a/b/c/d"}
    place.tree.close()


def test_a_root_that_is_a_file_and_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("1")
    place = Place(tmp_path, tmp_path / "conf")
    (tmp_path / "other").write_text("x")
    assert place.changes() == set()
    (tmp_path / "new").write_text("2")
    os.rename(tmp_path / "new", tmp_path / "conf")
    assert place.changes() == {"conf"}
    (tmp_path / "other").write_text("y")
    assert place.changes() == set()
    assert place.tree.paths(str(tmp_path / "conf")) == [str(tmp_path / "conf")]
    place.tree.close()
