"""A container's output on disk and back: exact bytes, bounds, tails, times, and following over rotations."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.kernel import calls, proc
from stackup.runtime import logs, record
from stackup.runtime.description import Status
from stackup.runtime.logwriter import LONGEST, LogWriter
from tests.conftest import OwnHost


def writer(folder: Path, **log: int | str) -> LogWriter:
    folder.mkdir(exist_ok=True)
    return LogWriter(str(folder), log)


def text(folder: Path, stream: bytes = b"stdout", **asked: int) -> bytes:
    return b"".join(data for _, where, data in logs.read(str(folder), **asked) if where == stream)


def status(state: str) -> Status:
    me = {"pid": os.getpid(), "start": proc.start_time(os.getpid()) or 0}
    return {"state": state, "monitor": me, "init": None, "exit_code": 0}  # type: ignore[typeddict-item, return-value]


@given(st.lists(st.tuples(st.sampled_from([b"stdout", b"stderr"]), st.binary(max_size=200)), max_size=20))
@settings(max_examples=60, deadline=None)
def test_what_goes_in_comes_out_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[tuple[bytes, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = writer(folder)
    for stream, data in chunks:
        log.write(stream, data)
    for stream in (b"stdout", b"stderr"):
        log.end(stream)
        assert text(folder, stream) == b"".join(data for where, data in chunks if where == stream)
    log.close()


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST, 3 * LONGEST + 7])
@pytest.mark.parametrize("chunk", [1000, 32 << 10, 1 << 20])
def test_a_long_line_is_cut_and_joined_again(tmp_path: Path, length: int, chunk: int) -> None:
    data = bytes(range(11, 256)) * (length // 245 + 1)
    data = data[:length] + b"\nnext\n"
    log = writer(tmp_path)
    for at in range(0, len(data), chunk):
        log.write(b"stdout", data[at : at + chunk])
    log.close()
    assert text(tmp_path) == data
    assert max(map(len, (tmp_path / "log.1").read_bytes().split(b"\n"))) <= LONGEST + 40


def test_a_line_looks_as_the_cri_has_it(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.write(b"stderr", b"hello\nrest")
    log.end(b"stderr")
    log.close()
    first, second = (tmp_path / "log.1").read_bytes().splitlines()
    stamp, stream, mark, data = first.split(b" ", 3)
    assert (stream, mark, data) == (b"stderr", b"F", b"hello")
    assert len(stamp) == 30
    assert stamp.endswith(b"Z")
    assert second.split(b" ", 3)[2:] == [b"P", b"rest"]


def test_times_are_read_as_they_were_written(tmp_path: Path) -> None:
    before = time.time_ns()
    log = writer(tmp_path)
    log.write(b"stdout", b"x\n")
    log.close()
    [(at, _, _)] = logs.read(str(tmp_path))
    assert before <= at <= time.time_ns()


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [("1970-01-01T00:00:00", 0), ("2000-02-29T12:00:00", 951825600), ("2024-12-31T23:59:59", 1735689599), ("2100-03-01T00:00:00", 4107542400)],
)  # fmt: skip
def test_seconds_since_the_epoch(stamp: str, seconds: int) -> None:
    entry = logs.parse(f"{stamp}.000000001Z stdout F x".encode())
    assert entry == (seconds * 10**9 + 1, b"stdout", b"x\n")


@pytest.mark.parametrize("line", [b"", b"torn", b"2024-12-31T23:59:59.000000001Z stdout X x", b"x" * 60])
def test_a_torn_line_is_no_entry(line: bytes) -> None:
    assert logs.parse(line) is None


def test_the_files_stay_within_their_bounds(tmp_path: Path) -> None:
    log = writer(tmp_path, max_size=100_000, max_file=3)
    for number in range(200):
        log.write(b"stdout", b"%06d %s\n" % (number, b"y" * 5000))
    log.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert len(sizes) == 3
    assert all(size <= 100_000 for size in sizes.values())
    numbers = [int(line.split()[0]) for line in text(tmp_path).splitlines()]
    assert numbers == list(range(numbers[0], 200))


def test_one_file_is_a_bound_too(tmp_path: Path) -> None:
    log = writer(tmp_path, max_size=1000, max_file=1)
    for _ in range(100):
        log.write(b"stdout", b"z" * 100 + b"\n")
    log.close()
    [last] = tmp_path.iterdir()
    assert last.stat().st_size <= 1000


def test_driver_none_writes_nothing(tmp_path: Path) -> None:
    log = writer(tmp_path, driver="none")
    log.write(b"stdout", b"x\n")
    log.end(b"stdout")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("count", [0, 1, 3, 40, 1000])
def test_a_tail_is_the_last_lines_over_all_files(tmp_path: Path, count: int) -> None:
    log = writer(tmp_path, max_size=2000, max_file=50)
    lines = [b"line %03d\n" % number for number in range(100)]
    for line in lines:
        log.write(b"stdout", line)
    log.close()
    assert text(tmp_path, tail=count) == b"".join(lines[-count:] if count else [])


def test_a_tail_counts_lines_not_pieces(tmp_path: Path) -> None:
    log = writer(tmp_path)
    log.write(b"stdout", b"short\n" + b"l" * (3 * LONGEST) + b"\n")
    log.close()
    assert text(tmp_path, tail=1) == b"l" * (3 * LONGEST) + b"\n"


def test_since_and_until_are_times(tmp_path: Path) -> None:
    lines = b"".join(b"2024-01-01T00:00:0%d.000000000Z stdout F %d\n" % (number, number) for number in range(10))
    (tmp_path / "log.1").write_bytes(lines)
    start = 1704067200 * 10**9
    assert text(tmp_path, since=start + 3 * 10**9, until=start + 5 * 10**9) == b"3\n4\n5\n"


def test_a_missing_log_is_an_empty_one(tmp_path: Path) -> None:
    assert list(logs.read(str(tmp_path))) == []
    assert list(logs.read(str(tmp_path), tail=5)) == []


def test_following_sees_every_line_over_rotations_and_ends_with_the_container(tmp_path: Path) -> None:
    record.write_status(str(tmp_path), status("running"))
    log = writer(tmp_path, max_size=20_000, max_file=50)
    lines = [b"%05d\n" % number for number in range(5000)]

    def produce() -> None:
        for line in lines:
            log.write(b"stdout", line)
        record.write_status(str(tmp_path), status("exited"))

    follow = logs.Follow([str(tmp_path)], deadline=time.monotonic() + 20)
    thread = threading.Thread(target=produce)
    thread.start()
    seen = [data for _, entries in follow for _, _, data in entries]
    thread.join()
    log.close()
    assert seen == lines


def test_who_reads_too_slowly_is_told_what_is_gone(tmp_path: Path) -> None:
    log = writer(tmp_path, max_size=1000, max_file=2)
    log.write(b"stdout", b"first\n")
    tail = logs.Tail(str(tmp_path))
    assert [data for _, _, data in tail.take()] == [b"first\n"]
    for number in range(10):
        log.write(b"stdout", b"%d %s\n" % (number, b"x" * 900))
    log.close()
    seen = [(stream, data.split()[0]) for _, stream, data in tail.take()]
    tail.close()
    assert seen == [(b"stdout", b"0"), (b"losses", b"[files"), (b"stdout", b"8"), (b"stdout", b"9")]


def test_following_sleeps_until_it_is_told_to_stop(tmp_path: Path) -> None:
    record.write_status(str(tmp_path), status("running"))
    stop, stop_w = os.pipe()
    follow = logs.Follow([str(tmp_path)], stop_fd=stop, deadline=time.monotonic() + 20)
    timer = threading.Timer(0.05, lambda: os.write(stop_w, b"x"))
    timer.start()
    began, busy = time.monotonic(), time.thread_time()
    assert list(follow) == []
    assert time.monotonic() - began < 5
    assert time.thread_time() - busy < 0.1
    timer.join()
    os.close(stop)
    os.close(stop_w)


def test_a_full_disk_loses_output_and_says_so(tmp_path: Path) -> None:
    log = LogWriter(str(tmp_path / "missing"), {})
    told: list[str] = []
    log.on_problem = lambda: told.append(log.problem)
    log.write(b"stdout", b"x\n" * 3)
    log.write(b"stdout", b"x\n")
    assert "output is lost, 4 lines so far" in log.problem
    (tmp_path / "missing").mkdir()
    log.write(b"stdout", b"y\n")
    log.close()
    assert text(tmp_path / "missing") == b"y\n"
    assert text(tmp_path / "missing", b"losses") == b"[4 lines of output were lost here]\n"
    assert [words.split(":")[0] for words in told] == ["output is lost, 3 lines so far", "4 lines of output were lost"]


@pytest.mark.host
def test_a_disk_that_fills_in_the_middle_of_a_line_tears_no_other(own_host: OwnHost, tmp_path: Path) -> None:
    """On a real full file system: 64 KiB, and a file that is taken away again."""
    place = tmp_path / "small"
    place.mkdir()
    calls.mount("tmpfs", str(place), "tmpfs", 0, "size=64k")
    (place / "ballast").write_bytes(b"x" * 30_000)
    log = LogWriter(str(place), {"max_size": 1 << 20})
    for number in range(100):
        log.write(b"stdout", b"%03d %s\n" % (number, b"y" * 1000))
    (place / "ballast").unlink()
    log.write(b"stdout", b"100\n")
    log.close()
    *whole, last = [line for line in text(place).splitlines() if len(line) in (3, 1004)]
    kept = len(whole)
    assert 20 < kept < 40
    assert [int(line[:3]) for line in (*whole, last)] == [*range(kept), 100]
    assert text(place, b"losses") == b"[%d lines of output were lost here]\n" % (100 - kept)


def test_a_file_that_is_removed_or_emptied_is_written_anew(tmp_path: Path) -> None:
    log = writer(tmp_path, max_size=1000, max_file=2)
    log.write(b"stdout", b"a\n")
    (tmp_path / "log.1").unlink()
    log.write(b"stdout", b"b\n")
    assert text(tmp_path) == b"b\n"
    log.write(b"stdout", b"c" * 900 + b"\n")
    (tmp_path / "log.2").write_bytes(b"")
    log.write(b"stdout", b"d\n")
    log.close()
    assert text(tmp_path) == b"d\n"
    assert os.listdir(tmp_path) == ["log.2"]


def test_many_lines_at_once_stay_within_the_bounds_too(tmp_path: Path) -> None:
    log = writer(tmp_path, max_size=10_000, max_file=3)
    log.write(b"stdout", b"".join(b"%05d\n" % number for number in range(2000)))
    log.close()
    assert len(os.listdir(tmp_path)) == 3
    assert all(path.stat().st_size <= 10_000 for path in tmp_path.iterdir())
    numbers = [int(line) for line in text(tmp_path).splitlines()]
    assert numbers == list(range(numbers[0], 2000))
    assert len(numbers) > 400


@pytest.mark.parametrize("tail", [0, 2])
def test_following_may_start_with_the_last_lines(tmp_path: Path, tail: int) -> None:
    record.write_status(str(tmp_path), status("running"))
    log = writer(tmp_path)
    log.write(b"stdout", b"a\nb\nc\n")
    seen: list[bytes] = []
    for _, entries in logs.Follow([str(tmp_path)], tail=tail, deadline=time.monotonic() + 0.05):
        seen += [data for _, _, data in entries]
    assert seen == [b"b\n", b"c\n"][2 - tail :]
    log.close()
