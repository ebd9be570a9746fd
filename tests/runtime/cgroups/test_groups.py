"""Where groups lie, whom they are handed to, and that they go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.errors import Unsupported
from stackup.kernel import cgroupfs, proc
from stackup.runtime.cgroups import groups
from stackup.runtime.cgroups.groups import Cgroups
from tests.runtime.cgroups.conftest import Group, files


@pytest.fixture
def plain(group: Group) -> Group:
    if group.cgroups.managed:
        pytest.skip("parents are slices where systemd owns the tree")
    return group


def mount_at(place: Path, fstype: str, options: str = "rw") -> proc.Mount:
    return next(iter(proc.parse_mountinfo(f"1 1 0:1 / {place} rw - {fstype} none {options}")))


def test_a_machine_with_v2_alone_has_one_home(tmp_path: Path) -> None:
    files(tmp_path, cgroup__controllers="memory pids", cgroup__procs="")
    found = Cgroups.detect([mount_at(tmp_path, "cgroup2")], {"": "/"})
    assert (found.version, found.homes) == (2, {"": str(tmp_path)})
    assert found.directories("shop", "web") == [f"{tmp_path}/stackup/shop/web"]
    assert found.directories("shop", "web", "/team/a") == [f"{tmp_path}/team/a/stackup/shop/web"]
    assert found.inside("shop", "web") == {"": f"{tmp_path}/stackup/shop/web"}


def test_on_the_hybrid_limits_are_v1s_and_killing_is_v2s(tmp_path: Path) -> None:
    for name in ("memory", "cpu", "freezer", "blkio", "unified"):
        files(tmp_path / name, cgroup__procs="")
    files(tmp_path / "unified", cgroup__controllers="")
    found = Cgroups.detect(
        [
            mount_at(tmp_path / "memory", "cgroup", "rw,memory"), mount_at(tmp_path / "cpu", "cgroup", "rw,cpu,cpuacct"),
            mount_at(tmp_path / "freezer", "cgroup", "rw,freezer"), mount_at(tmp_path / "blkio", "cgroup", "rw,blkio"),
            mount_at(tmp_path / "unified", "cgroup2"),
        ],
        {},
    )  # fmt: skip
    assert (found.version, set(found.homes)) == (1, {"memory", "cpu", "blkio", ""})
    assert set(found.inside("s", "c")) == {"memory", "cpu", "blkio", "unified"}


def test_a_machine_without_groups_is_told_what_to_mount() -> None:
    with pytest.raises(Unsupported, match="no control groups"):
        Cgroups.detect([], {})


@pytest.mark.host
def test_a_named_parent_is_made_and_goes_with_its_last_group(plain: Group) -> None:
    group = plain
    parent = f"/{group.stack}-team/inner"
    made = group.cgroups.create(group.stack, "db", parent)
    other = group.cgroups.create(group.stack, "web", parent)
    assert all(f"{group.stack}-team/inner" in folder and os.path.isdir(folder) for folder in made)
    cgroupfs.remove(made)
    groups.release(made)
    assert all(os.path.isdir(folder) for folder in other), "somebody else is there"
    cgroupfs.remove(other)
    groups.release(other)
    tops = {os.path.join(home, f"{group.stack}-team") for home in group.cgroups.homes.values()}
    assert not [folder for folder in tops if os.path.exists(folder)]


@pytest.mark.host
def test_a_parent_of_the_users_stays(plain: Group) -> None:
    group = plain
    tops = [os.path.join(home, f"{group.stack}-users") for home in dict.fromkeys(group.cgroups.homes.values())]
    for folder in tops:
        os.mkdir(folder)
    try:
        made = group.cgroups.create(group.stack, "web", f"{group.stack}-users")
        cgroupfs.remove(made)
        groups.release(made)
        assert all(os.listdir(folder) and not os.path.exists(f"{folder}/stackup") for folder in tops)
    finally:
        for folder in tops:
            cgroupfs.remove([folder])
