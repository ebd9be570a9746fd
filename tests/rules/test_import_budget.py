"""Which modules a verb may load: imports are the start-up time. Times are printed as ratios, never asserted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.project.shop import SHOP
from tests.rules.tree import ROOT

SCRIPT = """
import sys
from stackup.cli.main import run

class Host:
    "Hot through and through: two containers, everything as it should be."
    def __init__(self): self.direct = self
    def containers(self, stack):
        return [{"stack": "shop", "service": "web", "index": 1, "name": "shop-web-1", "address": "container/web#1",
                 "instance": "i", "image": "host", "image_id": "host", "command": "x", "state": "running",
                 "health": "", "exit_code": 0, "error": "", "warning": "", "oom": False, "oom_reason": "", "restarts": 0, "pid": 1,
                 "created_at": 1.0, "started_at": 1.0, "finished_at": 0.0, "networks": {}, "mounts": [], "labels": {},
                 "ports": [{"host_ip": "", "host_port": 80, "target": 80, "protocol": "tcp"}],
                 "transient": False, "stopped": False, "probe": "", "tty": False}]
    def stacks(self): return ["shop"]
    def logs(self, row, **rest): return iter([(1, "stdout", b"x")])
    def events(self, stack, **rest): return iter([])
    def exec(self, row, request): return 0
    def pause(self, rows, *, paused): return ((row, None) for row in rows)
    def kill(self, rows, signal): return ((row, None) for row in rows)
    def processes(self, row): return []
    def usage(self, row):
        names = "at cpu memory memory_limit received sent read written pids".split()
        return {**dict.fromkeys(names, 0), "pressure": {}}
    def unchanged(self, stack, rows): return True

import os
code = run(sys.argv[1:], os.environ, Host())
sys.stdout.flush()
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""

DEAR = {"typer", "rich", "pydantic", "networkx", "pyroute2", "ruamel", "asyncio", "argparse", "logging"}
SLOW = {
    "dataclasses",
    "typing",
    "pathlib",
    "subprocess",
    "inspect",
    "tempfile",
    "shutil",
    "socket",
    "threading",
    "random",
}
JSON = {"json", "re", "enum"}
"""json brings re and enum along; only a verb that reads no file can do without."""

HOT = {
    "version": DEAR | SLOW | JSON,
    "ps": DEAR | SLOW,
    "ps --format json": DEAR | SLOW,
    "logs": DEAR | SLOW,
    "exec -T web true": DEAR | SLOW,
    "port web 80": DEAR | SLOW,
    "events --until 1": DEAR | SLOW,
    "top": DEAR | SLOW,
    "stats --no-stream": DEAR | SLOW,
    "ls": DEAR | SLOW,
    "kill": DEAR | SLOW,
    "pause": DEAR | SLOW,
    "config": DEAR | SLOW,
    "up -d": DEAR | SLOW,
}
"""A verb and what it must not load."""

PLANNING = {
    "stop": DEAR - {"pyroute2"},
    "down": DEAR - {"pyroute2"},
    "up -d --force-recreate": DEAR - {"pyroute2"},
}
"""Verbs that plan: with a warm cache they parse and validate nothing, and draw without rich."""


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "STACKUP_ROOT": str(folder / "state"),
        "STACKUP_RUN": str(folder / "live"),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack whose cache is warm."""
    made = tmp_path_factory.mktemp("budget")
    (made / "stack.yaml").write_text(SHOP)
    for verb in ("up -d", "config"):
        warm = f"import os, sys; os.chdir({str(made)!r})\nfrom stackup.cli.main import run\n"
        warm += "from stackup.engines.memory.host import MemoryHost\n"
        warm += f"sys.exit(run({verb.split()!r}, os.environ, MemoryHost()))"
        subprocess.run([sys.executable, "-c", warm], env=environment(made), check=True, capture_output=True)
    return made


@pytest.mark.parametrize("line", HOT)
def test_a_hot_verb_loads_nothing_dear(folder: Path, line: str) -> None:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *line.split()],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        check=True,
    )
    spent = time.monotonic() - begun
    loaded = {name.split(".")[0] for name in done.stderr.decode().splitlines()}
    assert "stackup" in loaded
    assert loaded & HOT[line] == set()
    print(f"{line}: {spent * 1000:.0f} ms, {spent / bare():.1f} times the bare interpreter")


@pytest.mark.parametrize("line", PLANNING)
def test_a_planning_verb_on_a_warm_cache_parses_nothing(folder: Path, line: str) -> None:
    script = SCRIPT.replace("run(sys.argv[1:], os.environ, Host())", "run(sys.argv[1:], os.environ, MemoryHost())")
    script = "from stackup.engines.memory.host import MemoryHost\n" + script
    done = subprocess.run(
        [sys.executable, "-c", script, *line.split()],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        check=True,
    )
    loaded = {name.split(".")[0] for name in done.stderr.decode().splitlines() if not name.startswith(" ")}
    assert "stackup" in loaded
    assert loaded & PLANNING[line] == set()


def bare() -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - begun
