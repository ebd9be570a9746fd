"""Planning must write nothing, and a plan that was kept must be applied as it was, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scenarios.inventory import inventory
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: planned
services:
  web:
    image: host
    command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait"]
    mem_limit: 64m
    volumes: [data:/data]
    ports: ["8099:80"]
  other:
    image: host
    command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait"]
    secrets: [word]
volumes: {data: {}}
secrets: {word: {file: word.txt}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "planned"
    found.mkdir()
    (found / "word.txt").write_text("abracadabra")
    (found / "stack.yaml").write_text(STACK)
    return found


def clocks(*roots: str) -> dict[str, tuple[int, ...]]:
    """Every file's and folder's identity, size and times; sockets and pins included."""
    found = {}
    for root in roots:
        for place, folders, files in os.walk(root):
            for name in (".", *folders, *files):
                about = os.lstat(os.path.join(place, name))
                times = (about.st_mtime_ns, about.st_ctime_ns)
                found[os.path.join(place, name)] = (about.st_ino, about.st_size, about.st_mode, *times)
    return found


def kernel(machine: Machine) -> dict[str, list[str]]:
    """The kernel's objects; files are looked at by their clocks."""
    return {
        topic: lines for topic, lines in inventory([], (machine.state, machine.run)).items() if topic != "processes"
    }


@pytest.mark.parametrize("words", [("plan",), ("up", "--dry-run"), ("--dry-run", "up", "-d"), ("plan", "--json")])
def test_planning_must_write_nothing(machine: Machine, folder: Path, words: tuple[str, ...]) -> None:
    machine.stackup("up", "-d", cwd=folder)
    changed = STACK.replace("64m", "96m").replace("8099", "8098").replace("data:/data", "data:/new")
    (folder / "stack.yaml").write_text(changed)
    (folder / "word.txt").write_text("sesame")
    files = clocks(machine.state, machine.run)
    before = kernel(machine)
    told = machine.stackup(*words, cwd=folder)
    assert clocks(machine.state, machine.run) == files
    assert kernel(machine) == before
    assert told
    machine.stackup("down", "-v", cwd=folder)


def test_planning_where_nothing_is_must_make_nothing(machine: Machine, folder: Path) -> None:
    """But the key: what a secret is compared by is made with it, also in a plan that is kept for later."""
    assert "container/web" in machine.stackup("plan", "--json", cwd=folder)
    machine.stackup("up", "--dry-run", cwd=folder)
    assert os.listdir(machine.state) == ["key"]
    assert not os.path.exists(machine.run)
    (folder / "stack.yaml").write_text(STACK.replace("    secrets: [word]\n", ""))
    os.unlink(os.path.join(machine.state, "key"))
    machine.stackup("plan", "--json", cwd=folder)
    assert os.listdir(machine.state) == []


def test_a_kept_plan_must_be_applied_as_it_was(machine: Machine, folder: Path) -> None:
    machine.stackup("plan", "-o", "plan.json", cwd=folder)
    (folder / "stack.yaml").write_text("name: planned\nservices: {}\n")
    machine.stackup("apply", "plan.json", cwd=folder)
    assert "planned-web-1" in machine.stackup("-p", "planned", "ps", cwd=folder)
    (folder / "stack.yaml").write_text(STACK)
    machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    machine.stackup("down", "-v", cwd=folder)


def test_a_kept_plan_must_be_refused_when_the_world_moved(machine: Machine, folder: Path) -> None:
    machine.stackup("plan", "-o", "plan.json", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)
    machine.stackup("apply", "plan.json", cwd=folder, code=1)
    machine.stackup("down", "-v", cwd=folder)


def test_a_limit_changed_by_hand_must_be_told_as_drift_and_mended_in_place(machine: Machine, folder: Path) -> None:
    machine.stackup("up", "-d", cwd=folder)
    first = machine.stackup("ps", "--format", "json", cwd=folder)
    (limit,) = [
        found
        for name in ("memory.limit_in_bytes", "memory.max")
        for found in Path("/sys/fs/cgroup").rglob(name)
        if found.parent.name == "web-1" and found.read_text().strip() == str(64 << 20)
    ]
    limit.write_text(str(32 << 20))
    told = machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=2)
    assert "drift" in told
    assert "limits.memory" in told
    machine.stackup("up", "-d", cwd=folder)
    assert limit.read_text().strip() == str(64 << 20)
    assert machine.stackup("ps", "--format", "json", cwd=folder).split('"ID"')[1][:20] == first.split('"ID"')[1][:20]
    machine.stackup("down", "-v", cwd=folder)
