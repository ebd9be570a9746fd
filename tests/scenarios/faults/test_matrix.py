"""The tool is killed, or a disk says no, at any moment of a verb: the next command must mend it."""

from __future__ import annotations

import pytest

from tests.scenarios.faults import matrix
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
APART = {"up": 173, "down": 131, "down -v": 137, "restart": 211, "exec": 1, "run": 173, "run -d": 181, "build": 61}
"""How far apart the kills of one verb are. `just matrix` tries every call, and pulls as well."""


@pytest.mark.deadline(180)
def test_t50_a_kill_anywhere_is_mended_by_the_next_command(machine: Machine) -> None:
    with matrix.site(APART) as site:
        for name, every in APART.items():
            assert matrix.enumerate_faults(site, name, every, first=every // 2 + 1) > 0
        assert site.half_made > 0, "no kill has left anything half-made that was said"


@pytest.mark.deadline(180)
def test_t53_a_refusal_anywhere_is_said_and_mended_by_the_next_command(machine: Machine) -> None:
    with matrix.site() as site:
        for first, word in enumerate(("ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENOMEM")):
            assert matrix.enumerate_faults(site, "up", 211, first=11 + 37 * first, word=word) > 0
