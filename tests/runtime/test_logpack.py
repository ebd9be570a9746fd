"""Packed log files: read as if they were not, made aside, and gone with their time."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pytest

from stackup.runtime import logfiles, logpack, logs
from stackup.runtime.logwriter import LogWriter
from stackup.runtime.loop import Loop

LINES = [b"line %04d\n" % number for number in range(300)]


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Every file but the last is packed."""
    log = LogWriter(str(tmp_path), {"max_size": 2000, "max_file": 100})
    log.on_full = logpack.pack
    for line in LINES:
        log.write(b"stdout", line)
    log.close()
    return tmp_path


def text(folder: Path, **asked: int) -> list[bytes]:
    return [data for _, _, data in logs.read(str(folder), **asked)]


def test_what_is_packed_reads_as_before(packed: Path) -> None:
    names = sorted(os.listdir(packed))
    assert sum(name.endswith(".gz") for name in names) == len(names) - 1 > 5
    assert text(packed) == LINES
    assert text(packed, tail=250) == LINES[-250:]
    assert gzip.decompress((packed / "log.1.gz").read_bytes()).count(b"\n") > 20


def test_a_span_of_time_opens_only_what_may_have_it(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    middle = [at for at, _, _ in logs.read(str(packed))][150]
    opened: list[int] = []
    monkeypatch.setattr(logs, "_forwards", lambda fd, real=logs._forwards: opened.append(fd) or real(fd))
    assert text(packed, since=middle) == LINES[150:]
    assert len(opened) < len(os.listdir(packed))


def test_a_reader_goes_on_where_the_file_is_packed_under_it(tmp_path: Path) -> None:
    log = LogWriter(str(tmp_path), {"max_size": 2000, "max_file": 100})
    log.on_full = logpack.pack
    tail = logs.Tail(str(tmp_path))
    seen: list[bytes] = []
    for number, line in enumerate(LINES):
        log.write(b"stdout", line)
        if number % 70 == 0:
            seen += [data for _, _, data in tail.take()]
    seen += [data for _, _, data in tail.take()]
    tail.close()
    log.close()
    assert seen == LINES


def test_packing_happens_aside_and_bounds_hold(tmp_path: Path) -> None:
    loop = Loop()
    packer = logpack.Packer(loop)
    log = LogWriter(str(tmp_path), {"max_size": 20_000, "max_file": 3})
    log.on_full = packer.pack
    for _ in range(20):
        log.write(b"stdout", b"z" * 5000 + b"\n")
        deadline = time.monotonic() + 10
        while (tmp_path / f"log.{max(logfiles.numbers(str(tmp_path))) - 1}").exists() and time.monotonic() < deadline:
            loop.turn(0.1)
    packer.close()
    log.close()
    assert len(logfiles.numbers(str(tmp_path))) == 3
    assert len(list(tmp_path.glob("*.gz"))) == 2
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_half_packed_files_go_with_the_others(tmp_path: Path) -> None:
    (tmp_path / "log.1.gz.part").write_bytes(b"half")
    log = LogWriter(str(tmp_path), {"max_size": 100, "max_file": 2})
    for _ in range(5):
        log.write(b"stdout", b"x" * 90 + b"\n")
    log.close()
    assert not (tmp_path / "log.1.gz.part").exists()
    assert len(os.listdir(tmp_path)) == 2


def test_a_damaged_packed_file_hides_no_other(packed: Path) -> None:
    whole = (packed / "log.2.gz").read_bytes()
    (packed / "log.2.gz").write_bytes(whole[: len(whole) // 2])
    found = text(packed)
    assert found[:20] == LINES[:20]
    assert found[-100:] == LINES[-100:]
