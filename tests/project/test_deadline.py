from __future__ import annotations

from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.project.deadline import deadline
from stackup.reconcile.apply import Report
from stackup.reconcile.plan import Plan
from tests.project.shop import Shop

PLAN = Plan("shop", (), ())


def test_a_run_whose_time_is_over_is_interrupted_and_that_is_an_error(tmp_path: Path) -> None:
    session = Shop(tmp_path).session()
    with deadline(session, 0.01) as late:
        assert session.interrupt is not None
        assert session.interrupt.wait(10)
    with pytest.raises(HostError, match=r'stack "shop" is not ready after 0.01 s'):
        late.check(Report(PLAN, interrupted=True))
    late.check(Report(PLAN))


def test_without_a_limit_and_within_it_nothing_happens(tmp_path: Path) -> None:
    for seconds in (None, 100.0):
        session = Shop(tmp_path).session()
        with deadline(session, seconds) as late:
            pass
        late.check(Report(PLAN, interrupted=True))
