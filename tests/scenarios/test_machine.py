"""The harness must see what is left behind, and take it away itself when a scenario does not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.apart import run_apart
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]


def leave_everything(folder: Path) -> subprocess.Popen[str]:
    for command in (
        "ip link add left-over type veth peer name left-peer",
        "nft add table inet left-over",
        f"mount -t tmpfs left-over {folder}",
        "sysctl -q -w net.ipv4.ip_forward=1",
    ):
        subprocess.run(command.split(), check=True)
    for name in ("memory", "freezer", "unified"):
        if os.path.isdir(f"/sys/fs/cgroup/{name}"):
            os.makedirs(f"/sys/fs/cgroup/{name}/left-over")
    Path("/run/left-over").write_text("x")
    return subprocess.Popen(["sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE, text=True)


def test_an_inventory_must_name_whatever_was_left(machine: Machine) -> None:
    before = machine.inventory()
    machine.must_be_as(before)
    left = leave_everything(machine.folder)
    assert left.stdout is not None
    with left.stdout:
        left.stdout.readline()
        after = machine.inventory()
        left.kill()
        left.wait()
    for topic in ("links", "nftables", "mounts", "sysctls", "cgroups", "processes", "files"):
        assert before[topic] != after[topic], f"{topic} looks unchanged"


def test_a_machine_must_have_control_groups_of_its_own(machine: Machine) -> None:
    assert {line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().split()} <= {"/", "/init"}
    assert not [path for path, _, _ in os.walk("/sys/fs/cgroup") if "stackup-test" in path]


def test_nothing_of_a_machine_must_outlive_it(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    groups = {path for path, _, _ in os.walk("/sys/fs/cgroup") if f"stackup-test-{os.getpid()}-" in path}
    report = run_apart(lambda: leave_everything(tmp_path).communicate(), deadline_s=1.0, cgroups=True)
    assert report.startswith("the body did not end within 1 s")
    left = {path for path, _, _ in os.walk("/sys/fs/cgroup") if f"stackup-test-{os.getpid()}-" in path}
    assert left == groups
    assert "left-over" not in Path("/proc/self/mounts").read_text()
    assert not Path("/sys/class/net/left-over").exists()
