"""Containers that crash, flap, lose their monitors and are healed, for a while; then nothing may have grown.

A program: `python -m tests.scenarios.faults.soak [SECONDS [CONTAINERS]]`, ten minutes of fifty unless said. A third
ends every half second and is restarted, a third talks and is probed, a third only lives; every few seconds a monitor is
killed and `up` heals what it took along.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from stackup.kernel import proc
from stackup.runtime import record
from tests.apart import run_apart
from tests.scenarios.faults.harm import Typist
from tests.scenarios.machine import Machine, reap
from tests.scenarios.test_reboot import end

SERVICES = (
    'command: [sh, -c, "sleep 0.5; exit 1"], restart: always',
    'command: [sh, -c, "while :; do echo line; sleep 0.1; done"], init: true,'
    " healthcheck: {test: [CMD, 'true'], interval: 1s}",
    "command: [sleep, '600'], init: true",
)
PATIENCE_S = 20.0
SLACK_KB = 512
"""How much a monitor may have grown: caches of the interpreter fill in the first minutes."""


class Cost(NamedTuple):
    """Of one monitor: open descriptors, threads, kB of memory that no file is behind. Pages that it shares with others
    count too, or it would seem to grow when one of them ends."""

    files: int
    threads: int
    memory_kb: int


class Soak:
    def __init__(self, machine: Machine, count: int) -> None:
        self.folder = machine.folder / "soak"
        self.folder.mkdir()
        lines = [f"  s{n}: {{image: host, stop_grace_period: 0s, {SERVICES[n % 3]}}}" for n in range(count)]
        (self.folder / "stack.yaml").write_text("name: soak\nservices:\n" + "\n".join(lines) + "\n")
        self.machine, self.count = machine, count
        self.type = Typist(machine, self.folder)
        self.dice = random.Random(3)
        self.kills = 0

    def monitors(self) -> dict[str, int]:
        folder = Path(self.machine.state, "stacks/soak/container")
        statuses = {path.name: record.read_status(str(path)) for path in folder.iterdir()}
        return {name: status["monitor"]["pid"] for name, status in statuses.items() if status}

    def run(self, seconds: float) -> None:
        """`up`, harm, `up`, ... A monitor that was killed is another one afterwards."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(min(3.0, seconds / 4))
            victim = self.dice.randrange(self.count)
            status = record.read_status(f"{self.machine.state}/stacks/soak/container/s{victim}-1")
            if status is not None and proc.alive(status["monitor"]["pid"], status["monitor"]["start"]):
                end(status["monitor"])
                self.kills += 1
            reap()
            self.type.well("up -d")

    def settled(self, name: str, pid: int) -> Cost:
        """Where nothing is under way: between two runs of what flaps; the least of some looks, because of probes."""
        flaps = int(name[1:].partition("-")[0]) % 3 == 0
        folder, deadline = f"{self.machine.state}/stacks/soak/container/{name}", time.monotonic() + PATIENCE_S
        while flaps and _state(folder) != "restarting" and time.monotonic() < deadline:
            time.sleep(0.005)
        costs = []
        for _ in range(8):
            costs.append(cost(pid))
            time.sleep(0.005)
        return Cost(*(min(values) for values in zip(*costs, strict=True)))


def cost(pid: int) -> Cost:
    told = proc.status(pid)
    return Cost(len(os.listdir(f"/proc/{pid}/fd")), int(told["Threads"]), int(told["RssAnon"].split()[0]))


def soaked(machine: Machine, seconds: float, count: int) -> str:
    """Compares every monitor that lived from the start to the end, but for the moment in which a container restarts."""
    soak = Soak(machine, count)
    before = machine.inventory()
    soak.type.well("up -d")
    time.sleep(min(5.0, seconds / 2))
    first = {name: (pid, soak.settled(name, pid)) for name, pid in soak.monitors().items()}
    soak.run(seconds)
    lasting = {name: was for name, (pid, was) in first.items() if soak.monitors()[name] == pid}
    assert lasting, "every monitor was killed"
    grown = []
    for name, was in lasting.items():
        now = soak.settled(name, first[name][0])
        worse = now.files > was.files, now.threads != 1, now.memory_kb > was.memory_kb + SLACK_KB
        assert not any(worse), f"{name}: {was} became {now}"
        grown.append(now.memory_kb - was.memory_kb)
    soak.type.well("down")
    machine.must_be_as(before)
    files = max(was.files for was in lasting.values())
    return (
        f"{count} containers, {seconds:.0f} s, {soak.kills} monitors killed and healed; of {len(lasting)} that lived "
        f"through it none holds more descriptors (at most {files}) or threads (1), and their memory grew by "
        f"{sum(grown) / len(grown):.0f} kB on average, {max(grown)} at most"
    )


def _state(folder: str) -> str:
    status = record.read_status(folder)
    return status["state"] if status else ""


def main(seconds: float, count: int) -> str:
    def body() -> None:
        with tempfile.TemporaryDirectory(dir="/dev/shm", ignore_cleanup_errors=True) as folder:
            os.write(1, f"{soaked(Machine(Path(folder)), seconds, count)}\n".encode())

    return run_apart(body, deadline_s=seconds * 3 + 300, cgroups=True)


if __name__ == "__main__":
    asked = [*sys.argv[1:], *("600", "50")[len(sys.argv) - 1 :]]
    sys.exit(main(float(asked[0]), int(asked[1])) or 0)
