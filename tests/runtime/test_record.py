"""Records and statuses: old or new but never torn, and never believed against the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.kernel import proc
from stackup.runtime import record
from stackup.runtime.description import Status


def status(pid: int, start: int, state: str = "running") -> Status:
    known: Status = {
        "instance": "i", "state": "running", "monitor": {"pid": pid, "start": start}, "init": None, "started_at": 1.0,
        "finished_at": 0.0, "exit_code": 0, "oom": False, "error": "", "restarts": 0, "stopped": False, "health": None,
    }  # fmt: skip
    return {**known, "state": state}  # type: ignore[typeddict-item]


def me() -> tuple[int, int]:
    return os.getpid(), proc.start_time(os.getpid()) or 0


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = str(tmp_path / "web")
    record.write(folder, {"instance": "abc", "phase": "creating"})
    assert record.read(folder) == {"format": record.FORMAT, "instance": "abc", "phase": "creating"}
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert [name for name, _ in record.walk(str(tmp_path))] == ["web"]
    record.forget(folder)
    record.forget(folder)
    assert record.read(folder) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', "null"])
def test_what_is_no_record_of_ours_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    assert record.read(str(tmp_path)) is None


def test_a_status_with_a_living_monitor_is_believed(tmp_path: Path) -> None:
    record.write_status(str(tmp_path), status(*me()))
    found = record.observe_status(str(tmp_path))
    assert found is not None
    assert found["state"] == "running"


@pytest.mark.parametrize("state", ["running", "restarting", "created"])
def test_a_status_without_its_monitor_is_a_container_that_is_gone(tmp_path: Path, state: str) -> None:
    pid, start = me()
    record.write_status(str(tmp_path), status(pid, start + 1, state))
    found = record.observe_status(str(tmp_path))
    assert found is not None
    assert (found["state"], found["exit_code"], found["init"]) == ("exited", 137, None)
    assert "monitor lost" in found["error"]


def test_an_end_is_an_end_whoever_is_alive(tmp_path: Path) -> None:
    record.write_status(str(tmp_path), status(1, 1, "exited"))
    found = record.observe_status(str(tmp_path))
    assert found is not None
    assert found["error"] == ""


def test_nothing_was_ever_launched(tmp_path: Path) -> None:
    assert record.observe_status(str(tmp_path)) is None
