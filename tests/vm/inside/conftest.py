"""Tests for the virtual machine only (`just vm`): they use its systemd, its AppArmor and its kernel's modules freely.

Elsewhere they are not even collected, since they would change the machine that they run on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.inside.whole import JOB, Whole

collect_ignore_glob = [] if JOB.exists() else ["test_*.py"]


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> Iterator[Whole]:
    """Stacks of a test are taken down with it, unless the next stage is to find them."""
    found = Whole(Path("/srv/stacks", request.node.name.partition("[")[0]))
    yield found
    if request.node.get_closest_marker("stays") is None:
        found.stackup("down", "-v", "-t", "1", code=None)
