"""After a reboot the next `up` must mend everything, and the containers must be the same ones with their files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from stackup.kernel import abi, calls, proc
from stackup.runtime import record
from stackup.runtime.description import ProcessId
from tests.scenarios.machine import Machine, reap

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: again
services:
  web:
    image: host
    command: [sh, -c, "cat /run/secrets/word > /kept-$$(cat /proc/sys/kernel/random/uuid); trap 'exit 0' TERM; sleep 600 & wait"]
    ports: ["8097:80"]
    volumes: [data:/data]
    secrets: [word]
    mem_limit: 64m
volumes: {data: {}}
secrets: {word: {file: word.txt}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "again"
    found.mkdir()
    (found / "word.txt").write_text("abracadabra")
    (found / "stack.yaml").write_text(STACK)
    return found


def monitor(machine: Machine) -> ProcessId:
    status = record.read_status(f"{machine.state}/stacks/again/container/web-1")
    assert status is not None
    return status["monitor"]


def end(process: ProcessId) -> None:
    pidfd = proc.open_process(process["pid"], process["start"])
    assert pidfd is not None
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)
    deadline = time.monotonic() + 5
    while proc.alive(process["pid"], process["start"]) and time.monotonic() < deadline:
        reap()


def kept(machine: Machine) -> list[str]:
    return machine.stackup("exec", "-T", "web", "sh", "-c", "ls -d /kept-*", cwd=machine.folder / "again").split()


def test_a_killed_monitor_must_take_its_container_along_and_be_told(machine: Machine, folder: Path) -> None:
    machine.stackup("up", "-d", cwd=folder)
    inside = record.read_status(f"{machine.state}/stacks/again/container/web-1")
    end(monitor(machine))
    assert inside is not None
    assert inside["init"] is not None
    assert not proc.alive(inside["init"]["pid"], inside["init"]["start"])
    assert "Exited (137)" in machine.stackup("ps", "-a", cwd=folder)
    assert "not running" in machine.stackup("plan", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)
    assert "Up" in machine.stackup("ps", cwd=folder)
    machine.stackup("down", "-v", cwd=folder)


def test_a_reboot_must_be_mended_with_nothing_made_anew(machine: Machine, folder: Path) -> None:
    before = machine.inventory()
    machine.stackup("up", "-d", cwd=folder)
    first = machine.stackup("ps", "-q", cwd=folder)
    assert len(kept(machine)) == 1
    end(monitor(machine))
    reboot(machine)
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("ps", "-q", cwd=folder) == first
    assert len(kept(machine)) == 2
    machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    machine.stackup("down", "-v", cwd=folder)
    machine.must_be_as(before)


def test_resume_must_bring_back_what_the_policies_say_without_a_file(machine: Machine, folder: Path) -> None:
    text = STACK.replace("    image: host", "    image: host\n    restart: unless-stopped")
    (folder / "stack.yaml").write_text(text + "networks: {default: {name: shared}}\n")
    other = folder.parent / "other"
    other.mkdir()
    (other / "stack.yaml").write_text("""
name: a-guest
services:
  web: {image: host, restart: always, command: [sleep, "600"], init: true}
  off: {image: host, restart: unless-stopped, command: [sleep, "600"], init: true}
networks: {default: {external: true, name: shared}}
""")
    before = machine.inventory()
    for place in (folder, other):
        machine.stackup("up", "-d", cwd=place)
    machine.stackup("stop", "-t", "1", "off", cwd=other)
    machine.stackup("resume", "--stop", cwd=machine.folder)
    reboot(machine)
    for place in (folder, other):
        (place / "stack.yaml").rename(place / "away")
    machine.stackup("resume", cwd=machine.folder)
    for place in (folder, other):
        (place / "away").rename(place / "stack.yaml")
    assert machine.stackup("ps", "--services", cwd=folder).split() == ["web"]
    assert machine.stackup("ps", "--services", "--status", "running", cwd=other).split() == ["web"]
    assert len(kept(machine)) == 2
    machine.stackup("exec", "-T", "web", "sh", "-c", "test -e /run/secrets/word", cwd=folder)
    machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    for place in (other, folder):
        machine.stackup("down", "-v", "-t", "1", cwd=place)
    machine.must_be_as(before)


def reboot(machine: Machine) -> None:
    """What a machine forgets: the run folder with its pins, links, tables, control groups."""
    for mount in proc.mounts():
        if mount.place.startswith(machine.run):
            calls.umount2(mount.place, abi.MNT_DETACH)
    shutil.rmtree(machine.run)
    for link in Path("/sys/class/net").iterdir():
        if link.name.startswith("su"):
            subprocess.run(["ip", "link", "delete", link.name], check=True)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
    for home in Path("/sys/fs/cgroup").rglob("stackup"):
        for group in sorted((path for path in home.rglob("*") if path.is_dir()), reverse=True):
            group.rmdir()
        home.rmdir()
