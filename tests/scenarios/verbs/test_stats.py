"""`stats`: what the kernel counts for each container, in docker's columns."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: verbs
services:
  busy:
    image: host
    command: [sh, -c, "while :; do :; done"]
    mem_limit: 64m
    cpus: 0.5
  full:
    image: host
    command: [sh, -c, "head -c 20000000 /dev/zero > /dev/shm/f; sleep 600 & sleep 600 & wait"]
    mem_limit: 128m
    healthcheck: {test: [CMD-SHELL, "test $$(stat -c %s /dev/shm/f) = 20000000"], interval: 1s, retries: 30}
  idle:
    image: host
    command: [sleep, "600"]
    network_mode: host
"""


def test_what_is_shown_is_what_is_used(stack: Hand) -> None:
    stack.edit(lambda _: STACK)
    stack("up -d --wait")
    stack("stop -t 0 idle")
    rows = {row["Name"]: row for row in map(json.loads, stack("stats --no-stream --format json").splitlines())}
    assert sorted(rows) == ["verbs-busy-1", "verbs-full-1"]
    busy, full = rows["verbs-busy-1"], rows["verbs-full-1"]
    assert 0 < float(busy["CPUPerc"].rstrip("%")) < 75, "half a processor, less on a machine that is busy"
    assert busy["MemUsage"].endswith(" / 64MiB")
    assert busy["PIDs"] == "1"
    assert 15 < float(full["MemPerc"].rstrip("%")) < 40, "20 MB of 128 MiB are in /dev/shm"
    assert full["PIDs"] == "3"
    assert full["MemUsage"].endswith(" / 128MiB")
    told = {row["service"]: row for row in json.loads(stack("stats --json full"))["stats"]}
    assert 19 << 20 < told["full"]["memory"] < 60 << 20
    assert list(told) == ["full"]
    with_psi = os.path.exists("/proc/pressure") and any(Path("/sys/fs/cgroup").glob("**/busy-1/cpu.pressure"))
    heads, line = stack("stats --no-stream --pressure busy").splitlines()
    assert heads.endswith("PRESSURE CPU / MEM / I/O")
    assert (line.split()[-5] == "--") != with_psi
    waited = json.loads(stack("stats --json busy"))["stats"][0]["pressure"]
    assert (waited.get("cpu", 0) > 5) == with_psi, "it may use half of a processor and wants a whole one"


def test_the_table_is_dockers_and_shows_stopped_ones_when_asked(stack: Hand) -> None:
    stack("up -d")
    stack("stop -t 0 db")
    heads, *lines = stack("stats --no-stream -a").splitlines()
    assert heads.split("   ")[0] == "CONTAINER ID"
    assert [word.strip() for word in heads.split("  ") if word.strip()] == [
        "CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS",
    ]  # fmt: skip
    cells = {line.split()[1]: line.split() for line in lines}
    assert cells["verbs-db-1"][2:] == ["0.00%", "0B", "/", "0B", "0.00%", "0B", "/", "0B", "0B", "/", "0B", "0"]
    assert int(cells["verbs-web-1"][-1]) >= 2
    assert stack("stats --no-stream --format {{.Name}} web") == "verbs-web-1\n"
    assert "nobody" in stack.told("stats --no-stream nobody", code=1)


def test_it_goes_on_until_nobody_reads(stack: Hand) -> None:
    stack("up -d web")
    process = subprocess.Popen(
        stack.machine.command(["stats", "--format", "json"]),
        cwd=stack.folder, env=stack.machine.environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    seen = [json.loads(process.stdout.readline())["Name"] for _ in range(4)]
    process.stdout.close()
    assert set(seen) == {"verbs-db-1", "verbs-web-1"}
    assert process.wait(timeout=20) != 0


def test_who_runs_out_of_memory_is_told_which_limit_that_was(stack: Hand) -> None:
    """Also after the limit was changed in place, and after a start that has no file to look at."""
    stack.edit(lambda _: STACK)
    stack.edit(
        lambda text: text.replace("sleep 600 & sleep 600 & wait", "read line; head -c 400000000 /dev/zero | tail")
    )
    stack.edit(lambda text: text.replace("mem_limit: 128m", "mem_limit: 127m\n    stdin_open: true"))
    stack("up -d full")
    stack.edit(lambda text: text.replace("mem_limit: 127m", "mem_limit: 126m"))
    stack("up -d full")
    stack("attach full", code=137, given="go\n")
    line = stack.file.read_text().splitlines().index("    mem_limit: 126m") + 1
    reason = f"out of memory: its limit is 126M, stack.yaml:{line}"
    assert f"({reason})" in stack("ps -a full")
    assert reason in stack("plan full")
    assert f"reason={reason}" in stack("events --since 1h --until 0s full")
    assert reason in stack.told("exec -T full true", code=1)
    assert "out of memory" not in stack("ps -a full --format json"), "docker's own words, byte for byte"
