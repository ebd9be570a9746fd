"""`isolated`: a hand that types in the folder of a stack which a test writes, with `image: host`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.verbs.conftest import Hand

SLEEP = "command: [sleep, '1000'], stop_grace_period: 0s"


class Isolated(Hand):
    def stack(self, *services: str, more: str = "") -> None:
        """Lines of services, each `name: rest of its mapping` in flow style without the image."""
        lines = [f"  {name}: {{image: host, {rest}}}" for name, _, rest in (line.partition(": ") for line in services)]
        self.file.write_text("\n".join(["name: iso", "services:", *lines, more, ""]))


@pytest.fixture
def isolated(machine: Machine, tmp_path: Path) -> Isolated:
    folder = tmp_path / "iso"
    folder.mkdir()
    return Isolated(machine, folder)
