"""Control groups of version 2 with all controllers, as a stock machine has them beneath systemd."""

from __future__ import annotations

import json
from pathlib import Path

from stackup.runtime import record
from tests.vm.inside.whole import Whole, shell

STACK = """
name: bounds
services:
  web:
    image: host
    init: true
    command: [sleep, "600"]
    mem_limit: 64m
    memswap_limit: 96m
    mem_reservation: 32m
    cpus: 0.5
    cpu_shares: 512
    cpuset: "0"
    pids_limit: 40
"""
WANTED = {
    "memory.max": str(64 << 20), "memory.swap.max": str(32 << 20), "cpu.max": "50000 100000", "cpuset.cpus": "0",
    "pids.max": "40",
}  # fmt: skip


def group_of(whole: Whole) -> Path:
    status = record.read_status(f"{whole.state}/stacks/bounds/container/web-1")
    assert status is not None
    assert status["init"] is not None
    line = next(
        row for row in Path(f"/proc/{status['init']['pid']}/cgroup").read_text().splitlines() if row.startswith("0::")
    )
    return Path(f"/sys/fs/cgroup{line[3:]}")


def test_limits_are_in_the_kernel_and_drift_is_seen_and_mended(whole: Whole) -> None:
    whole.write(STACK)
    assert "warning" not in whole.told("up", "-d")
    group = group_of(whole)
    assert {name: (group / name).read_text().strip() for name in WANTED} == WANTED
    whole.stackup("plan", "--detailed-exitcode", code=0)
    (group / "pids.max").write_text("99")
    assert "pids" in whole.stackup("plan")
    whole.stackup("up", "-d")
    assert (group / "pids.max").read_text() == "40\n"
    whole.write(STACK.replace("cpus: 0.5", "cpus: 0.25").replace("64m", "80m"))
    whole.stackup("up", "-d")
    assert group_of(whole) == group, "in place"
    assert (group / "cpu.max").read_text() == "25000 100000\n"
    assert (group / "memory.max").read_text().strip() == str(80 << 20)


def test_who_is_paused_stands_still_and_can_be_ended(whole: Whole) -> None:
    whole.write(STACK.replace('[sleep, "600"]', '[sh, -c, "while :; do :; done"]'))
    whole.stackup("up", "-d")
    group = group_of(whole)
    whole.stackup("pause")
    assert "frozen 1" in (group / "cgroup.events").read_text()
    first = (group / "cpu.stat").read_text().splitlines()[0]
    shell("sleep 1")
    assert (group / "cpu.stat").read_text().splitlines()[0] == first
    rows = map(json.loads, whole.stackup("ps", "--format", "json").splitlines())
    assert [row["State"] for row in rows] == ["paused"]
    whole.stackup("unpause")
    assert "frozen 0" in (group / "cgroup.events").read_text()
    whole.stackup("pause")
    whole.stackup("down", "-t", "1")
    assert not group.exists()


def test_devices_are_held_by_a_program(whole: Whole) -> None:
    """The job's archive, which is unpacked."""
    whole.write(STACK + '    devices: ["/dev/vdb:/dev/job:r"]\n')
    whole.stackup("up", "-d")
    inside = ("exec", "-T", "web", "sh", "-c")
    assert whole.stackup(*inside, "head -c 3 /dev/job | wc -c").strip() == "3"
    assert "not permitted" in whole.told(*inside, "echo x > /dev/job", code=2)
