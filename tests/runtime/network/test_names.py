"""What a monitor loads for its network: measured in a bare interpreter, since imports are start-up time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stackup.runtime.network import names

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("module", [names.__name__, "stackup.runtime.network.holder", "stackup.runtime.network.etc"])
def test_a_monitor_loads_nothing_dear(module: str) -> None:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) & {"dataclasses", "typing", "pathlib", "subprocess", "hashlib", "pyroute2"} == set()


def test_an_internal_container_forwards_nothing() -> None:
    wanted = names.arguments("/pin", ["/names"], internal=True, links={"db": "database"})
    assert wanted["forward"] is False
    assert wanted["servers"] == []
