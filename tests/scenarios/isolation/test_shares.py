"""Small keys of isolation, as a user meets them."""

from __future__ import annotations

import pytest

from tests.scenarios.isolation.conftest import SLEEP, Isolated

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_scores_and_control_groups_must_be_as_the_file_says(isolated: Isolated) -> None:
    isolated.stack(f"web: {SLEEP}, oom_score_adj: 321", f"all: {SLEEP}, cgroup: host")
    isolated("up -d")
    assert (
        isolated.inside("exec", "-T", "web", "cat", "/proc/1/oom_score_adj", "/proc/self/oom_score_adj") == "321\n321\n"
    )
    assert "/stackup/iso/" in isolated.inside("exec", "-T", "all", "cat", "/proc/1/cgroup")
    assert "/stackup/iso/" not in isolated.inside("exec", "-T", "web", "cat", "/proc/1/cgroup")
    isolated("down -t 0")
