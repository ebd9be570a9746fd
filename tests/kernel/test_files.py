from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.kernel import files


def test_every_new_folder_on_the_way_is_the_owners_alone(tmp_path: Path) -> None:
    files.make_dir(str(tmp_path / "a/b/c"))
    for folder in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700
    files.make_dir(str(tmp_path / "a/b/c"))


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(HostError, match="cannot make folder"):
        files.make_dir(str(tmp_path / "a/b"))


def test_a_file_is_replaced_whole_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = str(tmp_path / "record.json")
    for value in ({"a": 1}, {"b": 2}):
        files.write_json(path, value)
        assert files.read_json(path) == value
    assert os.listdir(tmp_path) == ["record.json"]


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("host.json", "host.json.17.new", "host.json.4.new", "other.json.4.new", "host.lock"):
        (tmp_path / name).write_text("")
    files.remove_asides(str(tmp_path / "host.json"))
    assert sorted(os.listdir(tmp_path)) == ["host.json", "host.lock", "other.json.4.new"]


def test_a_file_may_be_written_in_another_place_first(tmp_path: Path) -> None:
    (tmp_path / "aside").mkdir()
    path, aside = str(tmp_path / "x"), str(tmp_path / "aside/1")
    files.write_json(path, {"a": ["é", 1, None]}, aside=aside)
    assert files.read_json(path) == {"a": ["é", 1, None]}
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with pytest.raises(HostError):
        files.write_json(str(tmp_path / "no/such/folder"), {}, aside=aside)
    assert os.listdir(tmp_path / "aside") == []


def test_what_is_absent_or_below_a_file_is_nothing_and_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert files.read_bytes(str(tmp_path / "x")) is None
    assert files.read_json(str(tmp_path / "file/x")) is None
    assert files.list_dir(str(tmp_path / "x")) == []
    with pytest.raises(HostError, match="cannot read"):
        files.read_json(str(tmp_path))
    with pytest.raises(HostError, match="cannot read"):
        files.list_dir("x" * 300)


def test_removing_says_whether_there_was_something(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert [files.remove(str(tmp_path / "x")) for _ in range(2)] == [True, False]
