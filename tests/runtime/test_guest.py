"""Guests and groups: what an exec, a probe or a container leaves behind is ended with it; memory and pause are seen."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path
from typing import Any

import pytest

from stackup.kernel import cgroupfs, proc
from stackup.runtime.cgroups import groups as control_groups
from stackup.runtime.cgroups import limits
from tests.conftest import OwnHost
from tests.runtime.box import process
from tests.runtime.stage import DEADLINE_S, FOREVER, SECOND, Container, Stage

pytestmark = pytest.mark.host
UNLIMITED: dict[str, Any] = {
    "memory": 0, "memory_reservation": 0, "memory_swap": 0, "cpus": 0.0, "cpu_shares": 0, "cpu_quota": 0,
    "cpu_period": 0, "cpuset": "", "pids": 0,
}  # fmt: skip


def grouped(folder: Path, script: str, *, limit: dict[str, Any] | None = None, **changes: Any) -> Container:
    groups = control_groups.detect().create("t", "web")
    assert limits.apply(groups, {**UNLIMITED, **(limit or {})}) == []  # type: ignore[typeddict-item]
    return Stage(folder).shell("web", script, cgroups=groups, **changes)


def eventually(check: Any) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not check():
        assert time.monotonic() < deadline, "it never came true"
        select.select([], [], [], 0.005)


def test_an_exec_has_a_group_of_its_own_which_goes_with_it(own_host: OwnHost, tmp_path: Path) -> None:
    container = grouped(tmp_path, FOREVER)
    home = container.description["cgroups"]
    with container.client.open() as talk:
        talk.say({"do": "exec", "process": process("sh", "-c", "sleep 1000 & read wait"), "stdin": True})
        _, fds = talk.hear_with_descriptors()
        inner = [os.path.join(folder, name) for folder in home for name in guests_in(folder)]
        assert len(inner) == 1
        eventually(lambda: len(cgroupfs.procs(inner)) == 2)
        for fd in fds:
            os.close(fd)
        assert talk.hear() == {"exit": 1}
        eventually(lambda: not os.path.exists(inner[0]))
    assert container.status["state"] == "running"


def guests_in(folder: str) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith("guest-")]


def test_a_probe_that_times_out_is_killed_with_its_children(own_host: OwnHost, tmp_path: Path) -> None:
    health = {"test": ["CMD-SHELL", "(sleep 1000 &) ; (sleep 1000 &) ; sleep 1000"], "interval": 3600 * SECOND,
              "timeout": SECOND // 5, "retries": 1, "start_period": 0, "start_interval": 3600 * SECOND}  # fmt: skip
    container = grouped(tmp_path, FOREVER, health=health)
    for status in container.client.watch(limit_s=DEADLINE_S):
        if status["health"] and status["health"]["log"]:
            break
    home = container.description["cgroups"]
    eventually(lambda: not any(guests_in(folder) for folder in home))
    assert len(cgroupfs.procs(home)) == 2, "the shell and its sleep"
    container.stop()


def test_the_out_of_memory_killer_is_seen(own_host: OwnHost, tmp_path: Path) -> None:
    script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"
    container = grouped(tmp_path, script, limit={"memory": 24 << 20, "memory_swap": 24 << 20})
    status = container.until("exited")
    assert (status["exit_code"], status["oom"]) == (137, True)


def test_a_paused_container_is_not_probed_and_can_be_stopped(own_host: OwnHost, tmp_path: Path) -> None:
    health = {"test": ["CMD", "true"], "interval": SECOND // 20, "timeout": SECOND // 5, "retries": 1, "start_period": 0,
              "start_interval": 0}  # fmt: skip
    container = grouped(tmp_path, FOREVER, health=health)
    for status in container.client.watch(limit_s=DEADLINE_S):
        if status["health"] and status["health"]["status"] == "healthy":
            break
    assert cgroupfs.freeze(container.description["cgroups"])
    with container.client.open() as talk:
        talk.say({"do": "watch"})
        talk.hear()
        while select.select([talk.fileno()], [], [], 0.6)[0]:  # a probe may have ended just before
            assert talk.hear()["status"]["health"]["status"] == "healthy"
    assert container.stop() == {"exit": 0}


def test_what_shares_the_hosts_pids_is_ended_by_its_group(own_host: OwnHost, tmp_path: Path) -> None:
    namespaces = {"net": "", "pid": "host", "ipc": "", "uts": "", "cgroup": ""}
    container = grouped(tmp_path, "sleep 1000 & sleep 1000 & echo up; read end", namespaces=namespaces)
    container.line(b"up")
    container.until("exited")
    assert cgroupfs.procs(container.description["cgroups"]) == []


def test_a_fork_bomb_is_over_when_its_container_is(own_host: OwnHost, tmp_path: Path) -> None:
    script = "b() { sleep 1000 & b | b; }; sleep 1000 & last=$!; echo up; b & wait $last"
    container = grouped(tmp_path, script, limit={"pids": 64}, stop={"signal": "SIGTERM", "grace": SECOND // 10})
    container.line(b"up")
    began = time.monotonic()
    assert container.stop() == {"exit": 137}
    assert time.monotonic() - began < 3
    assert cgroupfs.procs(container.description["cgroups"]) == []


@pytest.mark.slow
def test_a_flood_of_output_is_bounded_on_disk_and_in_memory(own_host: OwnHost, tmp_path: Path) -> None:
    log = {"driver": "json-file", "max_size": 1 << 20, "max_file": 2}
    script = "exec dd if=/dev/zero bs=65536 count=8000 2>/dev/null"
    container = Stage(tmp_path).shell("web", script, log=log)
    monitor = container.first["monitor"]["pid"]
    peak = 0
    while proc.alive(monitor, container.first["monitor"]["start"]):
        peak = max(peak, int(proc.status(monitor).get("VmHWM", "0 kB").split()[0]))
        select.select([], [], [], 0.02)
    assert container.status["exit_code"] == 0
    assert peak < 40_000
    sizes = [path.stat().st_size for path in Path(container.state_dir).glob("log*")]
    assert len(sizes) == 2
    assert max(sizes) <= 1 << 20
