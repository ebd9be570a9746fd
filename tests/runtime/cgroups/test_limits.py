"""Limits against plain folders (v2's files, made up) and, as root, against this machine's own groups, whichever they are."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, cast

import pytest

from stackup.kernel import cgroupfs
from stackup.runtime.cgroups import cpu, cpuset, limits
from stackup.runtime.cgroups.limits import Missed
from stackup.runtime.spec import Limits
from tests.runtime.cgroups.conftest import Group, files


def wanted(**changes: Any) -> Limits:
    plain = {
        "memory": 0, "memory_reservation": 0, "memory_swap": 0, "cpus": 0.0, "cpu_shares": 0, "cpu_quota": 0,
        "cpu_period": 0, "cpuset": "", "pids": 0,
    }  # fmt: skip
    return cast(Limits, {**plain, **changes})


def v2(folder: Path, **changes: str) -> list[str]:
    return files(
        folder,
        **{
            "cgroup__controllers": "cpu memory pids cpuset", "memory__max": "max", "memory__swap__max": "max",
            "memory__low": "0", "cpu__max": "max 100000", "cpu__weight": "100", "cpuset__cpus": "\n", "pids__max": "max",
            **changes,
        },
    )  # fmt: skip


FULL = wanted(
    memory=64 << 20, memory_reservation=32 << 20, memory_swap=96 << 20, cpus=1.5, cpu_shares=512, cpuset="0", pids=50
)


def text(dirs: list[str], name: str) -> str:
    return Path(dirs[0], name).read_text()


def told(missed: list[Missed]) -> list[tuple[str, object, object]]:
    return [("/".join(one.setting.path), one.setting.wanted, one.got) for one in missed]


def test_v2_files_say_what_the_limits_say(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c")
    assert limits.apply(dirs, FULL, fresh=True) == []
    assert text(dirs, "memory.max") == str(64 << 20)
    assert text(dirs, "memory.swap.max") == str(32 << 20)
    assert text(dirs, "cpu.max") == "150000 100000"
    assert text(dirs, "cpu.weight") == "20"
    assert limits.drift(dirs, FULL) == {}


def test_a_fresh_group_is_told_only_what_is_asked_for(tmp_path: Path) -> None:
    dirs = files(tmp_path / "c", cgroup__controllers="", pids__max="max")
    assert limits.apply(dirs, wanted(pids=7), fresh=True) == []
    assert text(dirs, "pids.max") == "7"


@pytest.mark.parametrize(("swap", "expected"), [(0, str(64 << 20)), (-1, "max"), (64 << 20, "0")])
def test_swap_counts_on_top_of_memory(tmp_path: Path, swap: int, expected: str) -> None:
    dirs = v2(tmp_path / "c")
    asked = wanted(memory=64 << 20, memory_swap=swap)
    assert limits.apply(dirs, asked) == []
    assert text(dirs, "memory.swap.max") == expected
    assert limits.drift(dirs, asked) == {}


def test_what_the_machine_has_no_file_for_did_not_stick(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c")
    os.unlink(tmp_path / "c/pids.max")
    (missed,) = limits.apply(dirs, wanted(pids=5), fresh=True)
    assert told([missed]) == [("pids", 5, None)]
    assert not missed.done_without


@pytest.mark.parametrize(
    "asked",
    [{"swappiness": 0}, {"oom_kill_disable": True}, {"rt_runtime": 9}, {"memory": 1 << 20, "memory_swap": 2 << 20}],
)
def test_what_version_2_does_not_have_is_said_and_is_no_drift(tmp_path: Path, asked: dict[str, Any]) -> None:
    dirs = v2(tmp_path / "c")
    os.unlink(tmp_path / "c/memory.swap.max")
    (missed,) = limits.apply(dirs, wanted(**asked), fresh=True)
    assert missed.done_without
    assert missed.setting.without
    assert limits.drift(dirs, wanted(**asked)) == {}
    assert [one.setting.without for one in limits.apply(dirs, wanted(memory=1 << 20), fresh=True)] == [""], (
        "not asked for"
    )


def test_quota_and_cpus_are_two_spellings(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c", cpu__max="50000 100000")
    assert limits.drift(dirs, wanted(cpus=0.5)) == {}
    assert limits.drift(dirs, wanted(cpu_quota=50000)) == {}
    assert limits.drift(dirs, wanted()) == {("cpus",): 0.5}
    assert limits.drift(dirs, wanted(cpu_quota=20000, cpu_period=50000)) == {
        ("cpu_quota",): 50000,
        ("cpu_period",): 100000,
    }


def test_drift_shows_the_kernels_value(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c")
    limits.apply(dirs, FULL)
    (tmp_path / "c/memory.max").write_text(str(10 << 20))
    (tmp_path / "c/pids.max").write_text("max")
    assert limits.drift(dirs, FULL) == {("memory",): 10 << 20, ("pids",): 0}


def test_memory_that_is_no_multiple_of_a_page_is_no_drift(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c", memory__max="8192", memory__swap__max="8192")
    assert limits.drift(dirs, wanted(memory=8193)) == {}
    assert limits.drift(dirs, wanted(memory=12289)) == {("memory",): 8192, ("memory_swap",): 12288 + 8192}


def test_a_group_that_is_gone_is_wholly_adrift(tmp_path: Path) -> None:
    assert limits.drift([str(tmp_path / "gone")], FULL) == {(field,): None for field in FULL}


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (1024, 39), (262144, 10000), (1, 1), (10**9, 10000)])
def test_shares_become_weights(shares: int, weight: int) -> None:
    assert cpu.weight_of(shares) == weight


@pytest.mark.parametrize(
    ("text", "kernels"),
    [("2,0,1,5", "0-2,5"), ("", ""), ("3\n", "3"), ("x", "x"), ("1-x", "1-x"), ("0-1,1-3", "0-3"), ("0-999999999", "0-999999999")],
)  # fmt: skip
def test_lists_of_processors(text: str, kernels: str) -> None:
    assert cpuset.ranges(text) == kernels


BASIC = wanted(memory=64 << 20, cpus=0.5, cpu_shares=512, cpuset="0", pids=50)


@pytest.mark.host
def test_this_machines_kernel_takes_every_limit(group: Group) -> None:
    assert limits.apply(group.dirs, BASIC, fresh=True) == []
    assert limits.drift(group.dirs, BASIC) == {}
    assert limits.apply(group.dirs, BASIC) == [], "it is as it should be already"
    assert cgroupfs.oom_count(group.dirs) == 0


@pytest.mark.host
def test_limits_grow_shrink_and_go_away_in_place(group: Group) -> None:
    for memory, swap in ((256 << 20, 0), (32 << 20, 0), (64 << 20, -1), (0, 0), (48 << 20, 48 << 20), (400 << 20, 0)):
        asked = wanted(memory=memory, memory_swap=swap)
        assert told(limits.apply(group.dirs, asked)) == []
        assert limits.drift(group.dirs, asked) == {}


@pytest.mark.host
def test_a_limit_that_somebody_changed_is_told_and_written_again(group: Group) -> None:
    limits.apply(group.dirs, BASIC, fresh=True)
    cgroupfs.write(group.dirs, "pids.max", "99")
    assert limits.drift(group.dirs, BASIC) == {("pids",): 99}
    assert limits.apply(group.dirs, BASIC) == []
    assert cgroupfs.read(group.dirs, "pids.max") == "50"


@pytest.mark.host
def test_a_processor_that_the_machine_lacks_did_not_stick(group: Group) -> None:
    (missed,) = limits.apply(group.dirs, wanted(cpuset="4000"), fresh=True)
    assert (missed.setting.path, missed.setting.wanted) == (("cpuset",), "4000")
    assert not missed.done_without


@pytest.mark.host
def test_what_only_version_1_has_takes_effect_there_and_goes_away_again(group: Group) -> None:
    asked = wanted(memory=64 << 20, swappiness=7, oom_kill_disable=True)
    missed = limits.apply(group.dirs, asked)
    if group.version == 2:
        assert [one.setting.path for one in missed] == [("swappiness",), ("oom_kill_disable",)]
        assert all(one.done_without for one in missed)
        return
    assert missed == []
    assert cgroupfs.read(group.dirs, "memory.swappiness") == "7"
    assert cgroupfs.fields(cgroupfs.read(group.dirs, "memory.oom_control") or "")["oom_kill_disable"] == "1"
    cgroupfs.write(group.dirs, "memory.oom_control", "0")
    assert limits.drift(group.dirs, asked) == {("oom_kill_disable",): False}
    assert limits.apply(group.dirs, wanted()) == []
    around = cgroupfs.read([os.path.dirname(folder) for folder in group.dirs], "memory.swappiness")
    assert cgroupfs.read(group.dirs, "memory.swappiness") == around
    assert limits.drift(group.dirs, wanted()) == {}


@pytest.mark.host
def test_realtime_groups_get_their_time_and_what_is_around_them_as_much(group: Group) -> None:
    asked = wanted(rt_runtime=4000, rt_period=200_000)
    missed = limits.apply(group.dirs, asked, fresh=True)
    if cgroupfs.read(group.dirs, "cpu.rt_runtime_us") is None:
        assert all(one.done_without for one in missed)
        pytest.skip("this machine has no realtime groups")
    assert told(missed) == []
    other = group.sibling()
    assert told(limits.apply(other, wanted(rt_runtime=3000), fresh=True)) == []
    around = cgroupfs.read([os.path.dirname(folder) for folder in other], "cpu.rt_runtime_us")
    assert 23000 <= int(around or 0) <= 23100, "4 of 200 ms and 3 of 1000"
    assert told(limits.apply(group.dirs, wanted())) == []
    assert cgroupfs.read(group.dirs, "cpu.rt_runtime_us") == "0"


@pytest.mark.host
def test_more_realtime_than_there_is_did_not_stick(group: Group) -> None:
    if cgroupfs.read(group.dirs, "cpu.rt_runtime_us") is None:
        pytest.skip("this machine has no realtime groups")
    (missed,) = limits.apply(group.dirs, wanted(rt_runtime=990_000), fresh=True)
    assert missed.setting.path == ("rt_runtime",)
    assert missed.problem is not None
    assert missed.problem.errno == errno.EINVAL
    assert not missed.done_without
