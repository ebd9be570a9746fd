"""A build whose context is a repository follows its branch, by commits, and stays inside of its copy."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.images import tarballs as t
from tests.scenarios.machine import Machine
from tests.scenarios.test_remote import commit, git, serve_git

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: far
services:
  web:
    build: {context: "%s"%s}
    command: [sleep, "300"]
    stop_grace_period: 0s
"""
URL = "git://127.0.0.1/app.git"


@pytest.fixture
def source(machine: Machine, tmp_path: Path) -> Path:
    folder = tmp_path / "repositories/app.git"
    (folder / "app").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "app/Dockerfile").write_text("FROM host\nCOPY f /f\n")
    (folder / "app/f").write_text("one\n")
    (folder / "app/out").symlink_to("/etc/hostname")
    commit(folder, "first")
    (tmp_path / "far").mkdir()
    (tmp_path / "config").mkdir()
    (tmp_path / "config/registries.toml").write_text('["127.0.0.1"]\nprivate = true\n')
    machine.environment["STACKUP_CONFIG"] = str(tmp_path / "config")
    return folder


def _write(folder: Path, url: str, more: str = "") -> None:
    (folder / "stack.yaml").write_text(STACK % (url, more))


@pytest.mark.deadline(120)
def test_a_branch_is_followed_and_its_commits_are_at_hand(machine: Machine, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "far"
    serve_git(tmp_path / "repositories")
    _write(folder, f"{URL}#main:app")
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("exec", "-T", "web", "cat", "/f", cwd=folder) == "one\n"
    assert "Nothing to do" in machine.stackup("plan", cwd=folder)
    (source / "app/f").write_text("two\n")
    second = commit(source, "second")
    assert "Plan: 1 build, 1 recreate." in machine.stackup("plan", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("exec", "-T", "web", "cat", "/f", cwd=folder) == "two\n"
    copies = Path(machine.state) / "build/sources"
    assert os.readlink(copies / second / "app/out") == "/etc/hostname"
    assert not (copies / second / ".git").exists()
    _write(folder, ".", f', additional_contexts: {{base: "{URL}#{second}:app"}}, dockerfile_inline: "FROM base"')
    assert "Plan: 1 build, 1 recreate." in machine.stackup("plan", cwd=folder)
    (folder / "stack.yaml").write_text(STACK % (".", f', dockerfile_inline: "FROM host\\nADD {URL}#main:app /got/"'))
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("exec", "-T", "web", "ls", "/got", cwd=folder).split() == ["Dockerfile", "f", "out"]
    assert machine.stackup("exec", "-T", "web", "readlink", "/got/out", cwd=folder) == "/etc/hostname\n"
    assert "Nothing to do" in machine.stackup("plan", cwd=folder)
    machine.stackup("down", cwd=folder)


def test_what_is_not_there_is_said(machine: Machine, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "far"
    serve_git(tmp_path / "repositories")
    for url, told in (
        (f"{URL}#nowhere", 'has no branch or tag "nowhere"'),
        (f"{URL}#main:missing", 'has no folder "missing"'),
        (f"{URL}#main:../../..", 'has no folder "../../.."'),
    ):
        _write(folder, url)
        assert told in machine.typed("plan", cwd=folder, code=1).stderr
    _write(folder, f"{URL}#main:app")
    assert "there is no git here" in machine.typed("build", cwd=folder, code=1, env={"PATH": "/nowhere"}).stderr
    assert "we are offline" in machine.typed("build", cwd=folder, code=1, env={"STACKUP_OFFLINE": "1"}).stderr


@pytest.mark.deadline(120)
def test_a_context_is_standard_input(machine: Machine, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "far"
    _write(folder, "-")
    told = machine.typed("up", "-d", cwd=folder, code=1).stderr
    assert "SU109" in told
    assert "nothing comes there" in told
    archive = t.tarball(t.file("Dockerfile", b"FROM host\nCOPY f /f\n"), t.file("f", b"one\n"))
    machine.piped(gzip.compress(archive), "build", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)  # nothing came: what was built stays
    assert machine.stackup("exec", "-T", "web", "cat", "/f", cwd=folder) == "one\n"
    changed = archive.replace(b"one\n", b"two\n")
    assert "Plan: 1 build, 1 recreate." in machine.piped(changed, "plan", cwd=folder).stdout.decode()
    machine.piped(changed, "up", "-d", cwd=folder)
    assert machine.stackup("exec", "-T", "web", "cat", "/f", cwd=folder) == "two\n"
    machine.stackup("down", cwd=folder)
