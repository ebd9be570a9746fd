"""`down --rmi` must remove what the stack was made of and nothing else, and nothing that runs may lose its root."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: going
services:
  own: {image: tiny, command: [/bin/busybox, sleep, "600"], stop_grace_period: 0s}
  host: {image: host, command: [sleep, "600"], stop_grace_period: 0s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "going"
    (found / "root/bin").mkdir(parents=True)
    (found / "root/bin/busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (found / "root/bin/busybox").chmod(0o755)
    (found / "stack.yaml").write_text(STACK)
    return found


def test_images_must_go_with_their_stack_when_asked(machine: Machine, folder: Path) -> None:
    machine.stackup("image", "import", "root", "tiny", cwd=folder)
    machine.stackup("image", "import", "root", "other", "--change", "ENV A=b", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)
    machine.stackup("image", "rm", "tiny", cwd=folder, code=1)
    machine.stackup("down", "--rmi", "local", cwd=folder)
    assert "tiny" in machine.stackup("image", "ls", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)
    machine.stackup("down", "--rmi", "all", cwd=folder)
    left = machine.stackup("image", "ls", cwd=folder)
    assert "tiny" not in left
    assert "other" in left
    machine.stackup("down", "--rmi", "some", cwd=folder, code=1)


def test_pruning_must_not_take_the_root_of_what_runs(machine: Machine, folder: Path) -> None:
    machine.stackup("image", "import", "root", "tiny", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)
    machine.stackup("image", "prune", "-a", "-f", cwd=folder)
    assert machine.stackup("exec", "-T", "host", "true", cwd=folder) == ""
    machine.stackup("restart", cwd=folder)
    assert machine.stackup("exec", "-T", "own", "/bin/busybox", "echo", "here", cwd=folder) == "here\n"
    machine.stackup("exec", "-T", "host", "true", cwd=folder)
    machine.stackup("down", cwd=folder)
