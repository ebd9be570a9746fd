"""What a disk or a hand did to our files must be said by the next command, mended, and cost nobody anything."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from tests.scenarios.faults import damage, matrix
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]


def one_harm(path: Path) -> list[str]:
    """For each file another one; `python -m tests.scenarios.faults.damage` does all of them."""
    return [sorted(damage.HARMS)[zlib.crc32(path.name.encode() + path.parent.name.encode()) % len(damage.HARMS)]]


@pytest.mark.deadline(120)
def test_each_file_of_the_state_may_be_damaged(machine: Machine) -> None:
    with matrix.site() as site:
        assert damage.try_all(site, hows=one_harm) > 20


def test_a_container_whose_record_is_lost_twice_is_ended_and_made_anew(machine: Machine) -> None:
    with matrix.site() as site:
        site.type.well("up -d")
        folder = Path(site.machine.state, "stacks/fatal/container/db-1")
        old = site.type.well("ps -q db")
        for name in ("record.json", "record.again.json"):
            (folder / name).write_bytes(b"\0" * 100)
        site.made_whole()
        assert site.type.well("ps -q db") != old
        site.cleared()
