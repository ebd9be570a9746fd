"""A short soak; `just soak` takes ten minutes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.scenarios.faults.soak import soaked
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]


@pytest.mark.deadline(120)
def test_containers_that_crash_and_flap_make_nothing_grow(machine: Machine) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm", ignore_cleanup_errors=True) as folder:
        assert "killed and healed" in soaked(Machine(Path(folder)), 4.0, 6)
