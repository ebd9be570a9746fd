"""A fixed number of cases for each parser; `python -m tests.fuzz NAME` goes on for as long as one likes."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.bounded import check
from tests.fuzz.targets import TARGETS

CASES = {"stack-text": 150, "stack-tree": 150, "yaml": 300}
SMALL = 1500


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_a_parser(name: str) -> None:
    for seed in range(CASES.get(name, SMALL)):
        case = TARGETS[name].make(Random(seed))
        try:
            check(TARGETS[name], case)
        except Exception as problem:
            problem.add_note(f"seed {seed}: {case[:2000]!r}")
            raise
