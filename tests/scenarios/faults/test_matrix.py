"""The tool is killed, or a disk says no, at any moment of a verb: the next command must mend it."""

from __future__ import annotations

import pytest

from tests.scenarios.faults import matrix
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
APART = {"up": 131, "down": 97, "down -v": 101, "restart": 173, "exec": 1, "run": 113, "run -d": 127, "build": 41}
"""How far apart the kills of one verb are. `just matrix` tries every call, and pulls as well."""


@pytest.mark.deadline(180)
def test_t50_a_kill_anywhere_is_mended_by_the_next_command(machine: Machine) -> None:
    with matrix.site(APART) as site:
        for name, every in APART.items():
            assert matrix.enumerate_faults(site, name, every, first=every // 2 + 1) > 0
        assert site.half_made > 0, "no kill has left anything half-made that was said"


@pytest.mark.deadline(180)
@pytest.mark.parametrize(
    ("word", "first"), [("ENOSPC", 11), ("EDQUOT", 29), ("EROFS", 47), ("EMFILE", 65), ("ENOMEM", 83)]
)
def test_t53_a_refusal_anywhere_is_said_and_mended_by_the_next_command(machine: Machine, word: str, first: int) -> None:
    with matrix.site() as site:
        for name in ("up", "restart"):
            assert matrix.enumerate_faults(site, name, 151, first=first, word=word) > 0
