"""Small JSON files and directory entries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.errors import HostError, StackupError
from stackup.images import durable


def test_what_is_written_is_read_with_its_format_version(tmp_path: Path) -> None:
    path = str(tmp_path / "x.json")
    durable.write_synced(path, {"a": ["é", 1, None]})
    assert durable.read_json(path) == {"schema": 1, "a": ["é", 1, None]}
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_an_existing_file_is_never_overwritten_in_place(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(FileExistsError):
        durable.write_synced(str(tmp_path / "x"), {})
    assert (tmp_path / "x").read_text() == "old"


def test_an_absent_file_is_none_and_below_a_file_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert durable.read_json(str(tmp_path / "x")) is None
    assert durable.read_json(str(tmp_path / "file/x")) is None
    assert durable.names_in(str(tmp_path / "x")) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": 2}', "\udcff"])
def test_a_damaged_file_and_one_of_another_version_are_errors(tmp_path: Path, content: str) -> None:
    (tmp_path / "x").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(StackupError, match="damaged"):
        durable.read_json(str(tmp_path / "x"))


def test_a_directory_instead_of_a_file_is_the_disks_error(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        durable.read_json(str(tmp_path))


def test_unlinking_says_whether_there_was_something(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert [durable.unlink_if_there(str(tmp_path / "x")) for _ in range(2)] == [True, False]


def test_removing_takes_a_file_or_a_tree(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "f").touch()
    for name in ("d", "f", "absent"):
        durable.remove_below(str(tmp_path), name)
    assert os.listdir(tmp_path) == []
