"""`own_host`: the test's body runs on a host of its own that vanishes with it (see `tests.apart`).

Fixtures are made outside, in pytest's own process; the body runs inside and its failure comes back as text. Without
root the test is skipped with the reason.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.apart import run_apart

# A loaded machine draws slowly, which says nothing of the code.
settings.register_profile("stackup", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stackup")


class OwnHost:
    """What a test body knows about where it runs; empty on purpose: the namespaces are the point."""


@pytest.fixture
def own_host() -> OwnHost:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return OwnHost()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if "own_host" not in pyfuncitem.fixturenames:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    report = run_apart(lambda: pyfuncitem.obj(**arguments), cgroups=True)
    if report.startswith("skip:"):
        pytest.skip(report[5:])
    if report:
        pytest.fail(report, pytrace=False)
    return True
