"""`config` must print what docker compose prints, where docker compose is installed; it needs no daemon for that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
CASES = sorted((ROOT / "tests/cases/oracle").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*/stack.yaml"))
PLACES = (
    os.environ.get("COMPOSE_ORACLE", ""),
    shutil.which("docker-compose") or "",
    "/usr/libexec/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
)
MISTAKES = {
    "an unknown key": "services: {a: {image: x, prots: []}}",
    "an unknown service": "services: {a: {image: x, depends_on: [b]}}",
    "an unknown network": "services: {a: {image: x, networks: [n]}}",
    "a port that is none": "services: {a: {image: x, ports: ['a:b']}}",
    "no image": "services: {a: {}}",
    "a variable that must be set": "services: {a: {image: '${UNSET:?needed}'}}",
    "a cycle": "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}",
    "two limits": "services: {a: {image: x, cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}}}",
}


@cache
def oracle() -> str:
    """docker compose 2 by whatever place it is in; version 1 is a script that speaks another dialect."""
    for place in filter(os.path.exists, filter(None, PLACES)):
        said = subprocess.run([place, "version", "--short"], capture_output=True, text=True, check=False).stdout
        if said.lstrip("v").startswith("2."):
            return place
    return ""


def config(command: list[str], file: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/somebody",
        "PYTHONPATH": str(ROOT),
        "STACKUP_ROOT": str(folder / "state"),
        "STACKUP_RUN": str(folder / "run"),
    }
    return subprocess.run(
        [*command, "-f", str(file), "config", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", [*CASES, *EXAMPLES], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_config_must_print_what_docker_compose_prints(file: Path, tmp_path: Path) -> None:
    if not oracle():
        pytest.skip("docker compose 2 is not installed: see bench/README.md, or name it in COMPOSE_ORACLE")
    for words in (("--format", "json"), ()):
        theirs = config([oracle()], file, tmp_path, *words)
        ours = config([sys.executable, "-m", "stackup"], file, tmp_path, *words)
        assert (theirs.returncode, ours.returncode) == (0, 0), theirs.stderr + ours.stderr
        if words:
            assert json.loads(ours.stdout) == json.loads(theirs.stdout)
        assert ours.stdout.rstrip("\n") == theirs.stdout.rstrip("\n")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_docker_compose_refuses_must_be_refused(mistake: str, tmp_path: Path) -> None:
    if not oracle():
        pytest.skip("docker compose 2 is not installed: see bench/README.md, or name it in COMPOSE_ORACLE")
    file = tmp_path / "stack.yaml"
    file.write_text(MISTAKES[mistake])
    for command in ([oracle()], [sys.executable, "-m", "stackup"]):
        assert config(command, file, tmp_path, "-q").returncode != 0, command[0]
