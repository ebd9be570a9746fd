"""A full disk, two commands at once, a flushed firewall: each must be said clearly, lose nothing, and be mended."""

from __future__ import annotations

import select
import subprocess
from pathlib import Path

import pytest

from stackup.kernel import abi, calls
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: faulty
services:
  web:
    image: host
    command: [python3, -m, http.server, "80"]
    ports: ["8096:80"]
    volumes: [data:/data]
    stop_grace_period: 1s
volumes: {data: {}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "faulty"
    found.mkdir()
    (found / "stack.yaml").write_text(STACK)
    return found


def started(machine: Machine, folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        machine.command(words),
        cwd=folder,
        env=machine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_full_disk_must_be_said_and_lose_nothing(machine: Machine, folder: Path) -> None:
    state = Path(machine.state)
    state.mkdir()
    calls.mount("tmpfs", machine.state, "tmpfs", 0, "size=1m,nr_inodes=4000,mode=700")
    (state / "filler").write_bytes(bytes((1 << 20) - (96 << 10)))
    with started(machine, folder, "up", "-d") as full:
        out, told = full.communicate(timeout=50)
    assert full.returncode == 1, out + told
    assert "no space left on device" in told
    assert "Traceback" not in told
    (state / "filler").unlink()
    calls.mount("tmpfs", machine.state, "tmpfs", abi.MS_REMOUNT, "size=64m,nr_inodes=40000")
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    machine.stackup("down", "-v", cwd=folder)
    calls.umount2(machine.state, abi.MNT_DETACH)


def test_a_state_folder_that_others_may_write_to_must_be_refused(machine: Machine, folder: Path) -> None:
    state = Path(machine.state)
    machine.stackup("up", "-d", cwd=folder)
    for mode, who in ((0o777, "everybody"), (0o770, "its group")):
        state.chmod(mode)
        for words in (("up", "-d"), ("ps",), ("down", "-v")):
            told = machine.typed(*words, cwd=folder, code=1).stderr
            assert f'{who} may write to "{state}"' in told
            assert "chmod 700" in told
    state.chmod(0o755)
    machine.stackup("ps", cwd=folder)
    machine.stackup("down", "-v", cwd=folder)
    assert state.stat().st_mode & 0o777 == 0o700, "a writer closes it to those who could look in"


def test_two_commands_at_once_must_take_turns(machine: Machine, folder: Path) -> None:
    with started(machine, folder, "up", "-d") as first, started(machine, folder, "up", "-d") as second:
        ends = [one.communicate(timeout=50)[1] for one in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), ends
    assert len(machine.stackup("ps", "-q", cwd=folder).split()) == 1
    machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    with started(machine, folder, "up", "-d") as up, started(machine, folder, "down", "-v") as down:
        ends = [one.communicate(timeout=50)[1] for one in (up, down)]
    assert (up.returncode, down.returncode) == (0, 0), ends
    machine.stackup("down", "-v", cwd=folder)


def test_a_flushed_firewall_must_be_drift_that_up_mends(machine: Machine, folder: Path) -> None:
    machine.stackup("up", "-d", cwd=folder)
    first = machine.stackup("ps", "-q", cwd=folder)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    assert "drift" in machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=2)
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("ps", "-q", cwd=folder) == first
    assert machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    listing = subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    assert "8096" in listing
    machine.stackup("down", "-v", cwd=folder)


def test_a_stop_whose_command_was_killed_must_not_fool_the_next_up(machine: Machine, folder: Path) -> None:
    slow = STACK.replace(
        '[python3, -m, http.server, "80"]', "[sh, -c, \"trap 'sleep 2; exit 0' TERM; sleep 600 & wait\"]"
    )
    (folder / "stack.yaml").write_text(slow.replace("1s", "20s"))
    machine.stackup("up", "-d", cwd=folder)
    with started(machine, folder, "--progress", "json", "stop") as stopping:
        assert stopping.stderr is not None
        while '"StepStarted"' not in stopping.stderr.readline():
            continue
        select.select([], [], [], 0.3)  # the monitor has been asked by now
        stopping.kill()
    machine.stackup("up", "-d", cwd=folder)
    machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    assert "Up" in machine.stackup("ps", cwd=folder)
    machine.stackup("down", "-v", "-t", "0", cwd=folder)


def test_two_services_must_exchange_a_port_in_one_go(machine: Machine, folder: Path) -> None:
    one = "  {name}: {{image: host, command: [sleep, '600'], stop_grace_period: 0s, ports: ['{port}:80']}}\n"
    file = folder / "stack.yaml"
    head = "name: faulty\nservices:\n"
    file.write_text(head + one.format(name="a", port=8071) + one.format(name="b", port=8072))
    machine.stackup("up", "-d", cwd=folder)
    first = machine.stackup("ps", "-q", cwd=folder)
    file.write_text(head + one.format(name="a", port=8072) + one.format(name="b", port=8071))
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("ps", "-q", cwd=folder) == first
    assert machine.stackup("port", "a", "80", cwd=folder).strip().endswith(":8072")
    assert machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=0)
    machine.stackup("down", cwd=folder)
