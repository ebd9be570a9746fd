"""`stack`: one small stack on `image: host` and a hand that types commands in its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.machine import Machine

STACK = """
name: verbs
services:
  db:
    image: host
    command: [sh, -c, 'trap "echo db-stop; exit 0" TERM; echo db-up; sleep 1000 & wait']
    volumes: [data:/data, /anon]
  web:
    image: host
    command: [sh, -c, 'trap "echo web-stop; exit 4" TERM; trap "echo poked" USR1; echo web-up; echo oops >&2;
                       while :; do sleep 1000 & wait; done']
    depends_on: [db]
    ports: ["8097:80"]
    environment: {COLOUR: red}
  job:
    image: host
    command: [sh, -c, "echo done; exit 3"]
    profiles: [jobs]
volumes: {data: {}}
"""


class Hand:
    """Types on the machine, in the stack's folder."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.file = folder / "stack.yaml"

    def __call__(self, line: str, *, code: int = 0, given: str | None = None, **env: str) -> str:
        """Standard output of a line without quotes."""
        return self.machine.typed(*line.split(), cwd=self.folder, code=code, given=given, env=env).stdout

    def told(self, line: str, *, code: int = 0, **env: str) -> str:
        """Standard error of it."""
        return self.machine.typed(*line.split(), cwd=self.folder, code=code, env=env).stderr

    def inside(self, *words: str, code: int = 0, given: str | None = None) -> str:
        """Words with spaces in them."""
        return self.machine.typed(*words, cwd=self.folder, code=code, given=given).stdout

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["Name"]: row for row in map(json.loads, self("ps -a --format json").splitlines())}

    def states(self) -> dict[str, str]:
        return {name.removeprefix("verbs-"): row["State"] for name, row in self.rows().items()}

    def ids(self) -> dict[str, str]:
        return {name.removeprefix("verbs-"): row["ID"] for name, row in self.rows().items()}

    def edit(self, change: Callable[[str], str]) -> None:
        self.file.write_text(change(self.file.read_text()))


@pytest.fixture
def stack(machine: Machine, tmp_path: Path) -> Hand:
    folder = tmp_path / "verbs"
    folder.mkdir()
    (folder / "stack.yaml").write_text(STACK)
    return Hand(machine, folder)
