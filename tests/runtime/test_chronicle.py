"""A stack's events on disk: written by many at once, bounded, told once each, and followed without a look too many."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from stackup.runtime import chronicle
from stackup.runtime.description import About


def about(folder: Path, **attributes: str) -> About:
    return {"folder": str(folder), "service": "web", "id": "i1", "attributes": attributes, "transient": False}


def actions(folder: Path, since: int = 0, until: int = 0) -> list[str]:
    return [one["action"] for one in chronicle.past(str(folder), since=since, until=until)]


def test_what_happened_is_told_with_its_attributes(tmp_path: Path) -> None:
    chronicle.note(about(tmp_path / "events", name="shop-web-1"), "die", exitCode=3)
    [told] = chronicle.past(str(tmp_path / "events"), since=0, until=0)
    assert abs(told["at"] - time.time_ns()) < 60 * 10**9
    assert (told["service"], told["id"], told["action"], told["transient"]) == ("web", "i1", "die", False)
    assert told["attributes"] == {"name": "shop-web-1", "exitCode": "3"}


def test_a_span_of_time_is_told_and_no_more(tmp_path: Path) -> None:
    for action in ("create", "start", "die"):
        chronicle.note(about(tmp_path), action)
    _, start, _ = (one["at"] for one in chronicle.past(str(tmp_path), since=0, until=0))
    assert actions(tmp_path, since=start) == ["start", "die"]
    assert actions(tmp_path, until=start) == ["create", "start"]


def test_a_torn_line_hides_no_other(tmp_path: Path) -> None:
    chronicle.note(about(tmp_path), "start")
    with (tmp_path / "log").open("ab") as file:
        file.write(b'2026-01-02T03:04:05.000000000Z events F {"serv\n')
    chronicle.note(about(tmp_path), "die")
    assert actions(tmp_path) == ["start", "die"]


@pytest.mark.parametrize("writers", [1, 4])
def test_many_writers_lose_nothing_until_the_bound_is_reached(tmp_path: Path, writers: int) -> None:
    def write(number: int) -> None:
        for turn in range(30):
            chronicle.note(about(tmp_path, filler="x" * 9000), f"{number}.{turn}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(actions(tmp_path)) == sorted(f"{number}.{turn}" for number in range(writers) for turn in range(30))


def test_the_past_is_two_files_at_most(tmp_path: Path) -> None:
    for turn in range(30):
        chronicle.note(about(tmp_path, filler="x" * 200_000), str(turn))
    assert len(os.listdir(tmp_path)) == 2
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3 * chronicle.MAX_SIZE
    told = actions(tmp_path)
    assert told == [str(turn) for turn in range(30)][-len(told) :]


def test_nobody_fails_because_an_event_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    chronicle.note(about(tmp_path / "file" / "events"), "start")


def test_what_comes_is_told_as_it_comes_also_over_a_rotation(tmp_path: Path) -> None:
    chronicle.note(about(tmp_path), "before")
    stream = chronicle.coming(str(tmp_path), since=1, until=0)
    assert next(stream)["action"] == "before"
    for turn in range(8):
        chronicle.note(about(tmp_path, filler="x" * 300_000), str(turn))
        assert next(stream)["action"] == str(turn)


def test_an_end_in_the_future_ends_it(tmp_path: Path) -> None:
    now = time.time_ns()
    assert list(chronicle.coming(str(tmp_path), since=0, until=now + 10**7)) == []
