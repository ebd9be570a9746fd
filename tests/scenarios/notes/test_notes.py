"""Images of our own, from Dockerfiles to a registry to another machine: what is built here must run there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images import registries as r
from tests.scenarios.machine import ROOT, Machine
from tests.scenarios.notes import mirror

pytestmark = [pytest.mark.host, pytest.mark.slow]
URL = "http://127.0.0.1:8100/"
REGISTRY = "127.0.0.1:5000"
BASE = f"{REGISTRY}/debian:bookworm"
TOKEN = "t0ken-of-the-index"


@pytest.fixture(scope="session")
def base() -> str:
    if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
        pytest.skip("needs root and mmdebstrap")
    script = ROOT / "examples/notes/make-base.sh"
    done = subprocess.run([str(script), str(mirror.CACHE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def packages(base: str) -> Path:
    return mirror.fill(base, ROOT / "examples/notes/app/requirements.txt")


@pytest.mark.deadline(300)
@pytest.mark.timeout(600)
def test_what_is_built_here_runs_there(machine: Machine, tmp_path: Path, base: str, packages: Path) -> None:
    r.serve(tmp_path / "registry", 5000)
    mirror.serve(packages, "127.0.0.1")
    folder = machine.example("notes")
    (folder / "index.txt").write_text(f"http://me:{TOKEN}@127.0.0.1:{mirror.PORT}/wheels/simple\n")
    on_the_hosts_network(folder / "stack.yaml")
    push_base(machine, tmp_path, base)
    machine.stackup("build", cwd=folder, timeout=200)
    machine.stackup("push", cwd=folder, timeout=100)
    must_hide_the_token(machine, tmp_path)

    machine.state = machine.environment["STACKUP_ROOT"] = str(tmp_path / "elsewhere")
    machine.stackup("pull", cwd=folder, timeout=100)
    machine.stackup("up", "-d", "--wait", cwd=folder, timeout=120)
    machine.page(URL, b"first")
    machine.stackup("up", "-d", "--wait", "--force-recreate", cwd=folder, timeout=120)
    machine.page(URL, b"second")
    assert json.loads(machine.page(URL)) == ["first", "second"]
    machine.stackup("down", "-v", cwd=folder)
    before = machine.inventory()
    machine.stackup("up", "-d", "--wait", cwd=folder, timeout=120)
    assert json.loads(machine.page(URL)) == []
    machine.stackup("down", "-v", cwd=folder)
    machine.must_be_as(before)


def on_the_hosts_network(stack: Path) -> None:
    """The test's mirror is on the loopback, which a build sees only where it is allowed to."""
    stack.write_text(stack.read_text().replace("args: *base\n", "args: *base\n      network: host\n"))


def push_base(machine: Machine, tmp_path: Path, base: str) -> None:
    """Its packages come from the test's own mirror, as a company's base has the company's."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base/sources.list").write_text(f"deb [trusted=yes] http://127.0.0.1:{mirror.PORT}/debian ./\n")
    (tmp_path / "base/Dockerfile").write_text(
        "FROM debian-base\nRUN rm -f /etc/apt/sources.list.d/*\nCOPY sources.list /etc/apt/sources.list\n"
    )
    (tmp_path / "base/stack.yaml").write_text(f"services: {{base: {{build: ., image: '{BASE}'}}}}\n")
    machine.stackup("image", "import", base, "debian-base", timeout=60)
    machine.stackup("build", cwd=tmp_path / "base")
    machine.stackup("push", cwd=tmp_path / "base", timeout=60)


def must_hide_the_token(machine: Machine, tmp_path: Path) -> None:
    """The secret of a build is in nothing that is kept of it, here and at the registry."""
    for root in (machine.environment["STACKUP_ROOT"], tmp_path / "registry"):
        done = subprocess.run(["grep", "-rlF", TOKEN, str(root)], capture_output=True, text=True, check=False)
        assert done.stdout == ""
