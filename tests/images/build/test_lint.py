from __future__ import annotations

from typing import Any

import pytest

from stackup.diagnostics import Severity
from stackup.images.build.lint import RULES, lint
from tests.images.build.cases import load
from tests.images.build.scenes import all_evaluated, stages_of


@pytest.mark.parametrize("case", load("checks"), ids=lambda case: case["name"])
def test_a_check_finds(case: dict[str, Any]) -> None:
    stages = stages_of(case | {"target": ""})
    found = lint(stages, all_evaluated(stages))
    places = [f"{item.span.line}:{item.span.column} {item.detail.partition(':')[0]}" for item in found if item.span]
    assert places == case["expect"]


def test_every_rule_finds_something_in_a_case() -> None:
    assert {line.split()[1] for case in load("checks") for line in case["expect"]} == RULES.keys()


def test_checks_can_be_errors_and_know_what_was_meant() -> None:
    stages = stages_of({"text": "# check=error=true\nFROM alpine\nARG VERSION=1\nENV A=$VERSON\n"})
    (found,) = lint(stages, all_evaluated(stages))
    assert (found.severity, found.hint) == (Severity.ERROR, 'did you mean "$VERSION"?')
