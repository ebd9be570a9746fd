"""Every test that the page about security names is there, and every threat to what this release has has one."""

from __future__ import annotations

import re

import pytest

from tests.rules.tree import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", PAGE)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text()


def test_no_threat_is_without_a_test() -> None:
    numbers = {
        int(number) for line in PAGE.splitlines() if "::test_" in line for number in re.findall(r"\bT(\d+)", line)
    }
    assert numbers >= {*range(1, 43), 48, *range(50, 59)}
