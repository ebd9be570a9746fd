"""What will not end, will not stop talking, or is too many: bounded in time and memory, and named."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path

import pytest

from stackup.kernel import abi, calls, proc
from stackup.kernel.files import Lock
from tests.scenarios.faults.stuck import StuckFiles
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
GRACE_S = 1
BUSY_S = 8
"""What a machine with a dozen other things to do may add to two seconds."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "stubborn"
    found.mkdir()
    return found


def test_t56_a_process_in_uninterruptible_sleep_is_named_and_down_goes_on(machine: Machine, folder: Path) -> None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs /dev/fuse")
    (folder / "files").mkdir()
    (folder / "stack.yaml").write_text(f"""
name: stubborn
services:
  web:
    image: host
    command: [sh, -c, "echo up; exec cat /files/stuck"]
    volumes: [./files:/files]
    stop_grace_period: {GRACE_S}s
  other: {{image: host, command: [sleep, "600"], init: true}}
""")
    before = machine.inventory()
    files = StuckFiles(folder / "files")
    machine.stackup("up", "-d", cwd=folder)
    assert files.asked.wait(20)
    told = machine.typed("--progress", "json", "down", cwd=folder, code=1).stderr
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    (took,) = (event["seconds"] for event in events if event.get("event") == "StepEnded" and event.get("error"))
    assert "is still there, in uninterruptible sleep" in told
    assert "it goes when that answers" in told
    assert GRACE_S + 1 <= took < GRACE_S + 1 + BUSY_S
    assert machine.stackup("ps", "-a", "--services", cwd=folder).split() == ["web"], "the others are gone"
    assert "uninterruptible sleep" in machine.typed("down", cwd=folder, code=1).stderr
    files.let_go()
    machine.stackup("down", cwd=folder)
    machine.must_be_as(before)


def test_t55_who_waits_is_told_for_whom(machine: Machine, folder: Path) -> None:
    (folder / "stack.yaml").write_text(
        "name: turns\nservices: {web: {image: host, command: [sleep, '600'], init: true}}\n"
    )
    lock = Path(machine.state, "locks/turns")
    lock.parent.mkdir(parents=True, mode=0o700)
    Path(machine.state).chmod(0o700)
    with Lock(str(lock), "stackup down"):
        waiting = subprocess.Popen(
            machine.command(["up", "-d"]), cwd=folder, env=machine.environment, stderr=subprocess.PIPE, text=True
        )
        assert waiting.stderr is not None
        assert f"waiting for stackup down (process {os.getpid()})" in waiting.stderr.readline()
        assert waiting.poll() is None
    assert waiting.wait(50) == 0
    waiting.stderr.close()
    machine.stackup("down", "-t", "0", cwd=folder)


def test_t58_without_control_groups_it_is_said_and_nothing_is_left(machine: Machine, folder: Path) -> None:
    for place in ("/sys/fs/cgroup", "/sys", "/sys/fs/cgroup"):  # this machine's own, and the one that it covers
        calls.umount2(place, abi.MNT_DETACH)
    calls.mount("sysfs", "/sys", "sysfs", 0)
    assert not any(mount.fstype.startswith("cgroup") for mount in proc.mounts())
    (folder / "stack.yaml").write_text(
        "name: bare\nservices: {web: {image: host, command: [sleep, '600'], init: true, mem_limit: 64m}}\n"
    )
    before = machine.inventory()
    told = machine.typed("doctor", cwd=folder, code=None).stdout
    assert "no control groups are mounted" in told
    assert "mount cgroup2 at /sys/fs/cgroup" in told
    ended = machine.typed("up", "-d", cwd=folder, code=1)
    assert "Traceback" not in ended.stderr
    assert "control groups" in ended.stderr
    machine.stackup("down", cwd=folder)
    machine.must_be_as(before)


@pytest.mark.deadline(120)
def test_t57_many_services_with_few_descriptors(machine: Machine, folder: Path) -> None:
    services = "".join(
        f"  s{n}: {{image: host, command: [sleep, '600'], init: true, stop_grace_period: 1s}}\n" for n in range(12)
    )
    (folder / "stack.yaml").write_text(f"name: many\nservices:\n{services}")
    before = machine.inventory()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    machine.stackup("up", "-d", cwd=folder, timeout=100)
    assert machine.stackup("ps", "-q", "--status", "running", cwd=folder).count("\n") == 12
    machine.stackup("plan", "--detailed-exitcode", cwd=folder)
    machine.stackup("down", cwd=folder, timeout=100)
    machine.must_be_as(before)
