"""The quick start must do what the README says, survive its own death at every step, and leave nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
URL = "http://127.0.0.1:8080"
PARTS = 4
"""The enumeration of steps is dealt out to several tests, so that workers share it."""


def rows(machine: Machine, folder: Path) -> dict[str, dict[str, str]]:
    lines = machine.stackup("ps", "-a", "--format", "json", cwd=folder).splitlines()
    return {row["Name"]: row for row in map(json.loads, lines)}


def test_the_quick_start_must_answer_where_it_says_and_leave_nothing(machine: Machine) -> None:
    folder = machine.example("quickstart")
    before = machine.inventory()
    machine.stackup("up", "-d", "--wait", cwd=folder)
    page = machine.page(URL)
    assert "Hello from a stack without an engine" in page
    assert machine.page(URL, b"a visitor", authorization=f"Bearer {(folder / 'token.txt').read_text().strip()}")
    assert "a visitor" in machine.page(URL)
    assert machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    machine.stackup("down", "-v", cwd=folder)
    assert machine.refuses(URL)
    machine.must_be_as(before)


def test_a_second_up_must_change_nothing(machine: Machine) -> None:
    folder = machine.example("quickstart")
    machine.stackup("up", "-d", "--wait", cwd=folder)
    first = {name: row["ID"] for name, row in rows(machine, folder).items()}
    machine.stackup("up", "-d", cwd=folder)
    assert {name: row["ID"] for name, row in rows(machine, folder).items()} == first
    assert len(first) == 4


def test_an_edited_limit_must_change_in_place_with_its_line_and_its_reason(machine: Machine) -> None:
    folder = machine.example("quickstart")
    machine.stackup("up", "-d", "--wait", cwd=folder)
    first = rows(machine, folder)
    file = folder / "stack.yaml"
    file.write_text(file.read_text().replace("mem_limit: 256m", "mem_limit: 192m"))
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "192m" in text)
    plan = machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=2)
    assert f"stack.yaml:{line}" in plan
    assert "in place" in plan
    machine.stackup("up", "-d", cwd=folder)
    assert rows(machine, folder)["quickstart-web-1"]["ID"] == first["quickstart-web-1"]["ID"]
    assert "memory" in machine.stackup("why", "web", cwd=folder)
    machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)


def test_a_worker_must_reach_web_by_its_name(machine: Machine) -> None:
    folder = machine.example("quickstart")
    machine.stackup("up", "-d", "--wait", cwd=folder)
    deadline = time.monotonic() + 20
    while "worker" not in machine.page(URL):
        assert time.monotonic() < deadline, machine.stackup("logs", "worker", cwd=folder)
    assert "thank you" in machine.stackup("logs", "--no-color", "worker", cwd=folder)


@pytest.mark.deadline(400)
@pytest.mark.timeout(420)
@pytest.mark.parametrize("part", range(PARTS))
def test_up_and_down_must_survive_sigkill_at_every_step(machine: Machine, part: int) -> None:
    folder = machine.example("quickstart")
    before, tried, event = machine.inventory(), 0, part + 1
    killing = True
    while killing:
        up_killed = machine.killed_at(event, "up", "-d", "--wait", cwd=folder)
        machine.stackup("up", "-d", "--wait", cwd=folder)
        assert machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0), f"after a kill at event {event}"
        assert "Hello" in machine.page(URL)
        down_killed = machine.killed_at(event, "down", "-v", cwd=folder)
        machine.stackup("down", "-v", cwd=folder)
        machine.must_be_as(before)
        killing = up_killed or down_killed
        tried, event = tried + killing, event + PARTS
    assert tried >= 3, "no step was ever interrupted"


@pytest.mark.deadline(400)
@pytest.mark.timeout(420)
@pytest.mark.parametrize("part", range(PARTS))
def test_down_must_mend_what_an_up_that_was_killed_at_any_step_left(machine: Machine, part: int) -> None:
    folder = machine.example("quickstart")
    before, event = machine.inventory(), part + 1
    while machine.killed_at(event, "up", "-d", "--wait", cwd=folder):
        machine.stackup("down", "-v", cwd=folder)
        machine.must_be_as(before)
        event += PARTS
    machine.stackup("down", "-v", cwd=folder)
    machine.must_be_as(before)
    assert event > part + 1, "no step was ever interrupted"
