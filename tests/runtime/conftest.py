"""`own_host` for the tests of a running container: see tests/host/conftest.py."""

from __future__ import annotations

from tests.host.conftest import own_host, pytest_pyfunc_call

__all__ = ["own_host", "pytest_pyfunc_call"]
