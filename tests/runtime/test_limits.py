"""Limits against plain folders (v2's files, made up) and, as root, against this machine's own groups."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from stackup.errors import HostError, Unsupported
from stackup.kernel import cgroupfs, proc
from stackup.runtime import limits
from stackup.runtime.limits import Cgroups
from stackup.runtime.spec import Limits


def wanted(**changes: Any) -> Limits:
    plain = {
        "memory": 0, "memory_reservation": 0, "memory_swap": 0, "cpus": 0.0, "cpu_shares": 0, "cpu_quota": 0,
        "cpu_period": 0, "cpuset": "", "pids": 0,
    }  # fmt: skip
    return cast(Limits, {**plain, **changes})


def files(folder: Path, **texts: str) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)
    return [str(folder)]


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


def test_v2_files_say_what_the_limits_say(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c")
    assert limits.apply(dirs, FULL) == []
    assert text(dirs, "memory.max") == str(64 << 20)
    assert text(dirs, "memory.swap.max") == str(32 << 20)
    assert text(dirs, "cpu.max") == "150000 100000"
    assert text(dirs, "cpu.weight") == "20"
    assert limits.as_wanted(FULL, limits.read(dirs)) == FULL


@pytest.mark.parametrize(("swap", "expected"), [(0, str(64 << 20)), (-1, "max"), (64 << 20, "0")])
def test_swap_counts_on_top_of_memory(tmp_path: Path, swap: int, expected: str) -> None:
    dirs = v2(tmp_path / "c")
    asked = wanted(memory=64 << 20, memory_swap=swap)
    assert limits.apply(dirs, asked) == []
    assert text(dirs, "memory.swap.max") == expected
    assert limits.as_wanted(asked, limits.read(dirs)) == asked


def test_what_the_machine_has_no_file_for_did_not_stick(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c")
    os.unlink(tmp_path / "c/pids.max")
    assert limits.apply(dirs, wanted(pids=5)) == [("pids", 5, 0)]


def test_quota_and_cpus_are_two_spellings(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c", cpu__max="50000 100000")
    assert limits.as_wanted(wanted(cpus=0.5), limits.read(dirs)) == wanted(cpus=0.5)
    assert limits.as_wanted(wanted(cpu_quota=50000), limits.read(dirs)) == wanted(cpu_quota=50000)
    assert limits.as_wanted(wanted(), limits.read(dirs)) == wanted(cpus=0.5)


def test_drift_shows_the_kernels_value(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c")
    limits.apply(dirs, FULL)
    (tmp_path / "c/memory.max").write_text(str(10 << 20))
    (tmp_path / "c/pids.max").write_text("max")
    live = limits.as_wanted(FULL, limits.read(dirs))
    assert (live["memory"], live["pids"], live["cpus"]) == (10 << 20, 0, 1.5)


def test_memory_that_is_no_multiple_of_a_page_is_no_drift(tmp_path: Path) -> None:
    dirs = v2(tmp_path / "c", memory__max="8192", memory__swap__max="8192")
    assert limits.as_wanted(wanted(memory=8193), limits.read(dirs))["memory"] == 8193


def test_a_group_that_is_gone_reads_as_nothing(tmp_path: Path) -> None:
    assert limits.read([str(tmp_path / "gone")]) == {}
    assert limits.as_wanted(FULL, {})["memory"] is None


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (1024, 39), (262144, 10000), (1, 1), (10**9, 10000)])
def test_shares_become_weights(shares: int, weight: int) -> None:
    assert limits.weight_of(shares) == weight


@pytest.mark.parametrize(
    ("text", "numbers"), [("0-2,5", {0, 1, 2, 5}), ("", set()), ("3\n", {3}), ("x", set()), ("1-x", set())]
)
def test_lists_of_processors(text: str, numbers: set[int]) -> None:
    assert limits.cpu_numbers(text) == numbers


def mount_at(place: Path, fstype: str, options: str = "rw") -> proc.Mount:
    return next(iter(proc.parse_mountinfo(f"1 1 0:1 / {place} rw - {fstype} none {options}")))


def test_a_machine_with_v2_alone_has_one_home(tmp_path: Path) -> None:
    files(tmp_path, cgroup__controllers="memory pids", cgroup__procs="")
    found = Cgroups.detect([mount_at(tmp_path, "cgroup2")], {"": "/"})
    assert (found.version, found.homes) == (2, {"": str(tmp_path)})
    assert found.directories("shop", "web") == [f"{tmp_path}/stackup/shop/web"]
    assert found.inside("shop", "web") == {"": f"{tmp_path}/stackup/shop/web"}


def test_on_the_hybrid_limits_are_v1s_and_killing_is_v2s(tmp_path: Path) -> None:
    for name in ("memory", "cpu", "freezer", "unified"):
        files(tmp_path / name, cgroup__procs="")
    files(tmp_path / "unified", cgroup__controllers="")
    found = Cgroups.detect(
        [
            mount_at(tmp_path / "memory", "cgroup", "rw,memory"), mount_at(tmp_path / "cpu", "cgroup", "rw,cpu,cpuacct"),
            mount_at(tmp_path / "freezer", "cgroup", "rw,freezer"), mount_at(tmp_path / "unified", "cgroup2"),
        ],
        {},
    )  # fmt: skip
    assert (found.version, set(found.homes)) == (1, {"memory", "cpu", ""})
    assert set(found.inside("s", "c")) == {"memory", "cpu", "unified"}


def test_a_machine_without_groups_is_told_what_to_mount() -> None:
    with pytest.raises(Unsupported, match="no control groups"):
        Cgroups.detect([], {})


@pytest.fixture
def stack() -> Iterator[str]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    name = f"stackup-test-{secrets.token_hex(4)}"
    yield name
    groups = limits.detect()
    for home in set(groups.homes.values()):
        folder = os.path.join(home, limits.HOME, name)
        cgroupfs.kill([folder] if os.path.isdir(folder) else [])
    groups.remove_stack(name)
    assert not [home for home in groups.homes.values() if os.path.exists(os.path.join(home, limits.HOME, name))]


@pytest.mark.host
def test_this_machines_kernel_takes_every_limit(stack: str) -> None:
    groups = limits.detect()
    asked = wanted(memory=64 << 20, cpus=0.5, cpu_shares=512, cpuset="0", pids=50)
    dirs = groups.create(stack, "web", asked)
    assert limits.apply(dirs, asked) == []
    assert limits.as_wanted(asked, limits.read(dirs)) == asked
    assert cgroupfs.oom_count(dirs) == 0


@pytest.mark.host
def test_limits_grow_shrink_and_go_away_in_place(stack: str) -> None:
    groups = limits.detect()
    dirs = groups.create(stack, "web", wanted(memory=64 << 20))
    for memory, swap in ((256 << 20, 0), (32 << 20, 0), (64 << 20, -1), (0, 0), (48 << 20, 48 << 20)):
        asked = wanted(memory=memory, memory_swap=swap)
        assert limits.apply(dirs, asked) == []
        assert limits.as_wanted(asked, limits.read(dirs)) == asked


@pytest.mark.host
def test_a_processor_that_the_machine_lacks_did_not_stick(stack: str) -> None:
    groups = limits.detect()
    dirs = groups.create(stack, "web")
    assert limits.apply(dirs, wanted(cpuset="4000"))[0][:2] == ("cpuset", "4000")
    with pytest.raises(HostError, match="cpuset: 4000"):
        groups.create(stack, "web", wanted(cpuset="4000"))
