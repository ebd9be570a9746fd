"""Pids are names that the kernel gives away again: after a reboot, real or made up, nobody else is ever signalled."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stackup.kernel import proc
from tests.scenarios.machine import Machine
from tests.scenarios.test_reboot import end, reboot

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: strangers
services:
  web: {image: host, command: [sleep, "600"], init: true, stop_grace_period: 1s, volumes: [data:/data], ports: ["8098:80"]}
  far: {image: host, command: [sleep, "600"], init: true, stop_grace_period: 1s, pid: host}
volumes: {data: {}}
"""


@contextmanager
def bystander() -> Iterator[int]:
    """A process that would tell of every signal it gets; of SIGKILL by its end."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        everything = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
        signal.pthread_sigmask(signal.SIG_BLOCK, everything)
        os.write(writing, b".")
        os.write(writing, signal.sigwait(everything).name.encode())
        os._exit(0)
    os.read(reading, 1)
    yield pid
    assert not select.select([reading], [], [], 0)[0], os.read(reading, 100)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it was killed"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def give_away(status_file: Path, pid: int) -> None:
    """The pids of this status belong to somebody else now, who was started at another time."""
    status = json.loads(status_file.read_text())
    assert status["monitor"]["start"] != proc.start_time(pid)
    status["monitor"]["pid"] = pid
    status["init"] = {"pid": pid, "start": status["init"]["start"]}
    status_file.write_text(json.dumps(status))


@pytest.mark.parametrize("line", ["up -d", "kill"])
def test_t54_who_has_our_pids_after_a_reboot_is_never_signalled(machine: Machine, tmp_path: Path, line: str) -> None:
    folder = tmp_path / "strangers"
    folder.mkdir()
    (folder / "stack.yaml").write_text(STACK)
    machine.stackup("up", "-d", cwd=folder)
    files = sorted(Path(machine.state).glob("stacks/strangers/container/*/status.json"))
    statuses = [json.loads(file.read_text()) for file in files]
    assert len(statuses) == 2
    for status in statuses:
        end(status["monitor"])
    for file, status in zip(files, statuses, strict=True):  # as a machine that lost its power leaves it
        file.write_text(json.dumps(status))
    reboot(machine)
    with bystander() as pid:
        for file in files:
            give_away(file, pid)
        told = machine.typed(*line.split(), cwd=folder, code=None)
        assert "Traceback" not in told.stderr
        machine.stackup("up", "-d", cwd=folder)
        machine.stackup("plan", "--detailed-exitcode", cwd=folder)
        machine.stackup("down", "-v", cwd=folder)
