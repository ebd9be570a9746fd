"""`machine`: a scenario's body runs on a host of its own, with its own control groups, and calls the real command there.

Fixtures are made outside, in pytest's own process; the body runs inside. `@pytest.mark.deadline(seconds)` gives a long
scenario more than a minute.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.apart import run_apart
from tests.scenarios.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return Machine(tmp_path)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if "machine" not in pyfuncitem.fixturenames:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    marker = pyfuncitem.get_closest_marker("deadline")
    seconds = marker.args[0] if marker else 60.0
    report = run_apart(lambda: pyfuncitem.obj(**arguments), deadline_s=seconds, cgroups=True)
    if report.startswith("skip:"):
        pytest.skip(report[5:])
    if report:
        pytest.fail(report, pytrace=False)
    return True
