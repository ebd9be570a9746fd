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
