"""Env files must mean what they mean to docker compose, where it is installed: the cases' whole `config` is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.machine import ROOT
from tests.scenarios.oracle import oracle
from tests.stackfile.test_envfiles import REFUSED, REFUSED_RAW
from tests.stackfile.tree import cases

pytestmark = pytest.mark.slow


def config(command: list[str], folder: Path, case: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    own = {"PYTHONPATH": str(ROOT), "STACKUP_ROOT": f"{folder}/state", "STACKUP_RUN": f"{folder}/run"}
    words = [word for name in case.get("env_files", ()) for word in ("--env-file", name)]
    line = [*command, *words, "config", "--format", "json"]
    return subprocess.run(line, cwd=folder, env={**case["environ"], **own}, capture_output=True, text=True, check=False)


def both(folder: Path, case: dict[str, Any]) -> tuple[subprocess.CompletedProcess[str], ...]:
    if not oracle():
        pytest.skip("docker compose 2 is not installed: see bench/README.md, or name it in COMPOSE_ORACLE")
    for name, text in case["files"].items():
        (folder / name).write_bytes(text.encode())
    return tuple(config(command, folder, case) for command in ([oracle()], [sys.executable, "-m", "stackup"]))


@pytest.mark.parametrize("case", cases("env"))
def test_an_env_file_must_give_what_it_gives_docker_compose(case: dict[str, Any], tmp_path: Path) -> None:
    theirs, ours = both(tmp_path, case)
    assert (theirs.returncode, ours.returncode) == (0, 0), theirs.stderr + ours.stderr
    assert json.loads(ours.stdout) == json.loads(theirs.stdout)


@pytest.mark.parametrize("form", ["", ", format: raw"])
def test_what_docker_compose_refuses_must_be_refused(form: str, tmp_path: Path) -> None:
    for number, line in enumerate(REFUSED_RAW if form else REFUSED):
        folder = tmp_path / str(number)
        folder.mkdir()
        text = f"name: n\nservices: {{a: {{image: x, env_file: [{{path: e.env{form}}}]}}}}"
        case = {"files": {"compose.yaml": text, "e.env": f"OK=1\n{line}\n"}, "environ": {"HOME": "/home/me"}}
        assert all(done.returncode for done in both(folder, case)), line
