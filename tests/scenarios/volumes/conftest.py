"""`vol`: stacks of sleeping services whose volumes are looked at from inside and from the host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.verbs.conftest import Hand


class Vol(Hand):
    def write(self, text: str, name: str = "vol") -> None:
        self.file.write_text(f"name: {name}\n{text}")

    def service(self, more: str = "") -> str:
        """A service that stays; `more` is the rest of its mapping, in flow style."""
        return "{image: host, stop_signal: SIGKILL, command: [sleep, inf]" + (f", {more}" if more else "") + "}"

    def sh(self, service: str, script: str, code: int = 0) -> str:
        return self.inside("exec", "-T", service, "sh", "-c", script, code=code).strip()

    def data(self, name: str) -> Path:
        """Where a volume's files are on the host, as `inspect` says."""
        return Path(json.loads(self(f"volume inspect {name}"))[0]["Mountpoint"])


@pytest.fixture
def vol(machine: Machine, tmp_path: Path) -> Vol:
    folder = tmp_path / "vol"
    folder.mkdir()
    return Vol(machine, folder)
