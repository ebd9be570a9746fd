"""Rates and weights of block devices: made-up files of v2, and this machine's disk under a limit that counts."""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from stackup.errors import HostError
from stackup.kernel import cgroupfs
from stackup.runtime.cgroups import io, limits
from tests.runtime.cgroups.conftest import Group, files
from tests.runtime.cgroups.test_limits import told, wanted


def disk(folder: str = "/var/tmp") -> tuple[str, str]:
    """(node, number) of the whole disk that a folder's files lie on."""
    device = os.stat(folder).st_dev
    place = os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    if os.path.exists(f"{place}/partition"):
        place = os.path.dirname(place)
    node = f"/dev/{os.path.basename(place)}"
    if not os.path.exists(f"{place}/dev") or not os.path.exists(node):
        pytest.skip(f"{folder} lies on no disk whose node is here")
    return node, Path(place, "dev").read_text().strip()


def asked(node: str, of_all: int = 0, **rates: int) -> Any:
    return wanted(io={"weight": of_all, "devices": {node: rates}})


@pytest.fixture
def null_disk(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(io, "device_number", {"/dev/x": "8:0"}.__getitem__)
    return "/dev/x"


def test_v2_has_one_line_a_device(tmp_path: Path, null_disk: str) -> None:
    dirs = files(tmp_path, cgroup__controllers="io", io__max="", io__weight="default 100\n")
    found = list(io.settings(asked(null_disk, 500, read_bps=1 << 20), dirs))
    assert [one.text for one in found if one.asked] == ["4950", "8:0 rbps=1048576"]
    assert [one.text for one in found if not one.asked] == [
        "8:0 default", "8:0 wbps=max", "8:0 riops=max", "8:0 wiops=max",
    ]  # fmt: skip
    line = "8:0 rbps=1048576 wbps=max riops=5 wiops=max\n8:16 rbps=max wbps=2 riops=max wiops=max\n"
    (tmp_path / "io.max").write_text(line)
    (tmp_path / "io.weight").write_text("default 4950\n")
    assert limits.drift(dirs, asked(null_disk, 500, read_bps=1 << 20)) == {
        ("io", "devices", "/dev/x", "read_iops"): 5,
        ("io", "devices", "8:16", "write_bps"): 2,
    }


@pytest.mark.parametrize(("weight", "scaled"), [(10, "1"), (1000, "10000"), (0, "100"), (505, "5000")])
def test_io_weight_counts_in_other_units_than_compose(tmp_path: Path, weight: int, scaled: str) -> None:
    dirs = files(tmp_path, cgroup__controllers="io", io__max="", io__weight="default 1\n")
    (one, *_) = io.settings(wanted(io={"weight": weight, "devices": {}}), dirs)
    assert (one.file, one.text) == ("io.weight", scaled)


@pytest.mark.parametrize("path", ["/dev/null", "/", "/dev/there/is/none", "\0"])
def test_what_is_no_disk_is_refused_by_name(path: str) -> None:
    with pytest.raises(HostError, match="device"):
        io.device_number(path)


def test_a_disk_that_is_gone_is_adrift(tmp_path: Path) -> None:
    dirs = files(tmp_path, cgroup__controllers="io", pids__max="max")
    assert limits.drift(dirs, asked("/dev/there/is/none", read_bps=5)) == {
        ("io", "devices", "/dev/there/is/none"): None
    }


@pytest.mark.host
def test_rates_are_kept_changed_and_taken_away_in_place(group: Group) -> None:
    node, number = disk()
    first = asked(node, 300, read_bps=1 << 20, write_iops=50)
    assert told(limits.apply(group.dirs, first, fresh=True)) == []
    assert limits.drift(group.dirs, first) == {}
    second = asked(node, read_bps=2 << 20, read_iops=7, write_bps=9 << 20)
    assert told(limits.apply(group.dirs, second)) == []
    assert limits.drift(group.dirs, second) == {}
    assert limits.drift(group.dirs, asked(node, read_bps=2 << 20, read_iops=7)) == {
        ("io", "devices", node, "write_bps"): 9 << 20
    }
    assert limits.drift(group.dirs, wanted(io={"weight": 0, "devices": {}})) == {
        ("io", "devices", number, "read_bps"): 2 << 20,
        ("io", "devices", number, "read_iops"): 7,
        ("io", "devices", number, "write_bps"): 9 << 20,
    }
    assert told(limits.apply(group.dirs, wanted())) == []
    assert limits.drift(group.dirs, wanted(io={"weight": 0, "devices": {}})) == {}


@pytest.mark.host
def test_a_weight_for_a_disk_without_a_scheduler_that_weighs_is_said(group: Group) -> None:
    node, number = disk()
    if "[bfq]" in Path(f"/sys/dev/block/{number}/queue/scheduler").read_text():
        pytest.skip("this machine's disk has one")
    (missed,) = limits.apply(group.dirs, asked(node, weight=300))
    assert missed.done_without
    assert node in (missed.setting.without or "")


@pytest.mark.host
def test_a_partition_or_a_file_is_no_disk(group: Group, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="not a block device"):
        limits.apply(group.dirs, asked(str(tmp_path / "file"), read_bps=5))


@pytest.mark.host
def test_a_rate_holds_its_readers_back(group: Group) -> None:
    """Half a megabyte, past the cache, at one megabyte a second."""
    node, _ = disk()
    assert told(limits.apply(group.dirs, asked(node, read_bps=1 << 20), fresh=True)) == []
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
        file.write(os.urandom(1 << 19))
        os.fsync(file.fileno())
        pid = os.fork()
        if pid == 0:
            _read_directly(file.name, group.dirs)
        begun = time.monotonic()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert 0.3 < time.monotonic() - begun < 20


def _read_directly(path: str, dirs: list[str]) -> None:
    code = 1
    try:
        cgroupfs.join(dirs)
        room, fd = mmap.mmap(-1, 1 << 16), os.open(path, os.O_RDONLY | os.O_DIRECT)
        while os.readv(fd, [room]):
            pass
        code = 0
    finally:
        os._exit(code)
