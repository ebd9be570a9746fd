"""What a container may use, through the real command: it is in the kernel, it changes in place, drift is told and mended,
and what a kernel does not take is an error that names the key and its line. On version 2 and version 1 alike.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stackup.kernel import cgroupfs
from tests.runtime.cgroups.test_io import disk
from tests.scenarios.machine import Machine
from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]
GROUPS = Path("/sys/fs/cgroup")
STACK = """
name: res
services:
  web:
    image: host
    command: [sleep, "1000"]
    stop_grace_period: 0s
"""


@pytest.fixture
def stack(machine: Machine, tmp_path: Path) -> Hand:
    folder = tmp_path / "res"
    folder.mkdir()
    hand = Hand(machine, folder)
    hand.file.write_text(STACK)
    return hand


def limited(stack: Hand, *lines: str) -> None:
    stack.file.write_text(STACK + "".join(f"    {line}\n" for line in lines))


def group() -> list[str]:
    """The directories of web's groups, found in the kernel's tree and nowhere else."""
    return [str(path) for path in sorted(GROUPS.rglob("web-1"))]


def value(*files: str) -> str:
    """Of the first of these files that there is: version 1's and version 2's names of one thing."""
    texts = (cgroupfs.read(group(), name) for name in files)
    return next(text for text in texts if text is not None)


def pid(stack: Hand) -> int:
    (row,) = json.loads(stack("ps --json"))["containers"]
    return int(row["pid"])


def test_every_limit_must_be_the_kernels_and_change_without_a_restart(stack: Hand) -> None:
    node, number = disk()
    limited(
        stack, "mem_limit: 64m", "memswap_limit: 96m", "mem_reservation: 32m", "cpus: 0.5", "cpuset: '0'", "pids_limit: 40",
        "mem_swappiness: 7", "oom_kill_disable: true", f"blkio_config: {{weight: 300, device_read_bps: [{{path: {node}, rate: 8mb}}]}}",
    )  # fmt: skip
    said = stack.told("up -d")
    begun, one = pid(stack), len(group()) == 1
    assert value("memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert value("cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert value("cpuset.cpus") == "0"
    assert value("pids.max") == "40"
    assert f"{number} {'rbps=' if one else ''}8388608" in value("blkio.throttle.read_bps_device", "io.max")
    if one:
        assert '"mem_swappiness" has no effect' in said
        assert '"oom_kill_disable" has no effect' in said
    else:
        assert value("memory.swappiness") == "7"
        assert "oom_kill_disable 1" in value("memory.oom_control")
    assert "Nothing to do" in stack("plan")

    limited(
        stack,
        "mem_limit: 80m",
        "cpu_quota: 20000",
        "cpu_period: 50000",
        f"blkio_config: {{device_write_iops: [{{path: {node}, rate: 9}}]}}",
    )
    planned = stack("plan")
    assert "limits.io.devices" in planned and "restart" not in planned and "replace" not in planned  # noqa: PT018
    stack("up -d")
    assert pid(stack) == begun
    assert value("memory.limit_in_bytes", "memory.max") == str(80 << 20)
    assert value("pids.max") == "max"
    assert number not in value("blkio.throttle.read_bps_device", "io.max").replace(
        "rbps=max wbps=max riops=max wiops=9", ""
    )
    assert "9" in value("blkio.throttle.write_iops_device", "io.max")
    if not one:
        assert "oom_kill_disable 0" in value("memory.oom_control")
    stack("down")
    assert group() == []


def test_a_limit_that_somebody_changed_must_be_told_and_mended_in_place(stack: Hand) -> None:
    node, _ = disk()
    limited(stack, "pids_limit: 40", f"blkio_config: {{device_read_iops: [{{path: {node}, rate: 90}}]}}")
    stack("up -d")
    begun = pid(stack)
    cgroupfs.write(group(), "pids.max", "4000")
    line = "{} {}".format(disk()[1], "riops=5" if len(group()) == 1 else "5")
    assert cgroupfs.write(group(), "io.max", line) or cgroupfs.write(group(), "blkio.throttle.read_iops_device", line)
    planned = stack("plan")
    assert "limits.pids" in planned
    assert "4000" in planned
    assert f"limits.io.devices.{node}.read_iops" in planned
    stack("up -d")
    assert value("pids.max") == "40"
    assert "90" in value("blkio.throttle.read_iops_device", "io.max")
    assert pid(stack) == begun


def test_what_the_kernel_does_not_take_must_name_the_key_and_its_line(stack: Hand, tmp_path: Path) -> None:
    """Also in place, and then the program goes on as it was."""
    limited(stack, "pids_limit: 40", "cpuset: '4000'")
    told = stack.told("up -d", code=1)
    assert '"cpuset: 4000", stack.yaml:9' in told
    (tmp_path / "file").write_text("")
    limited(stack, "blkio_config:", "  device_read_bps:", f"    - {{path: {tmp_path}/file, rate: 1mb}}")
    told = stack.told("up -d", code=1)
    assert "not a block device" in told
    assert "stack.yaml:10" in told
    limited(stack, "pids_limit: 40")
    stack("up -d")
    begun = pid(stack)
    limited(stack, "pids_limit: 40", "cpuset: '4000'")
    assert '"cpuset: 4000", stack.yaml:9' in stack.told("up -d", code=1)
    assert pid(stack) == begun


def test_a_named_parent_must_hold_the_group_and_go_with_it(stack: Hand) -> None:
    if Path("/run/systemd/system").is_dir():
        pytest.skip("parents are slices on a machine with systemd")
    limited(stack, "cgroup_parent: /team/a", "pids_limit: 40")
    before = sorted(str(path) for path in GROUPS.rglob("*") if path.is_dir())
    stack("up -d")
    assert group()
    assert all("/team/a/stackup/res/" in folder for folder in group())
    assert value("pids.max") == "40"
    assert stack.inside("exec", "-T", "web", "cat", "/sys/fs/cgroup/pids/pids.max") == "40\n" or os.path.exists(
        "/sys/fs/cgroup/cgroup.controllers"
    )
    stack("down")
    assert sorted(str(path) for path in GROUPS.rglob("*") if path.is_dir()) == before
