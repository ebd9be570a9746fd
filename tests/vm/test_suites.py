"""The table of suites names what is there."""

from __future__ import annotations

import pytest

from tests.vm.base import ROOT
from tests.vm.suites import SUITES, together

PATHS = [word for stages in SUITES.values() for stage in stages for word in stage.split()]


@pytest.mark.parametrize("path", PATHS)
def test_a_suite_has_the_tests_that_it_names(path: str) -> None:
    assert (ROOT / path).exists()


def test_all_of_them_together_begin_once_and_reboot_for_those_with_stages() -> None:
    first, *rest = together()
    assert [len(stages) for stages in SUITES.values()].count(1) + len(rest) // 2 == len(SUITES)
    assert all(word in [*first.split(), *" ".join(rest).split()] for word in PATHS)
