"""Case files: input and expectation side by side; a case is a file, not a line of Python."""

from __future__ import annotations

from typing import Any

import pytest

from stackup.stackfile.interpolate import Evaluation, Malformed, Missing
from tests.stackfile.tree import cases, lines, loaded, printed


def agree(expected: Any, found: Any, path: str = "") -> None:
    """Mappings of the expectation may leave keys out; `absent` says that a key is not there."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if value == "absent":
                assert key not in found, f"{path}.{key} is there: {found[key]!r}"
            else:
                assert key in found, f"{path}.{key} is missing; there are {list(found)}"
                agree(value, found[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        assert len(expected) == len(found), f"{path}: {found}"
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            agree(one, other, f"{path}[{index}]")
    else:
        assert found == expected, f"{path}: expected {expected!r}, found {found!r}"


@pytest.mark.parametrize("case", cases("canonical"))
def test_a_short_form_means_its_long_form(case: dict[str, Any]) -> None:
    agree(case["expect"], printed(case["files"], case.get("environ", {})))


@pytest.mark.parametrize("case", cases("merge"))
def test_files_merge_by_the_rules(case: dict[str, Any]) -> None:
    files = list(case["files"])
    named = [name for name in files if name.endswith((".yaml", ".yml")) and "/" not in name and name != "base.yaml"]
    agree(case["expect"], printed(case["files"], case.get("environ", {}), files=case.get("load", named)))


@pytest.mark.parametrize("case", cases("traps"))
def test_where_people_go_wrong(case: dict[str, Any]) -> None:
    named = [name for name in case["files"] if name.endswith(".yaml") and "/" not in name]
    profiles = case.get("profiles", ())
    agree(case["expect"], printed(case["files"], case.get("environ", {}), files=named, profiles=profiles))


@pytest.mark.parametrize("case", cases("errors"))
def test_problems_are_named_with_their_place(case: dict[str, Any]) -> None:
    done = loaded(case["files"], case.get("environ", {}), profiles=case.get("profiles", ()))
    assert lines(done) == case["expect"]
    assert (done.stack is None) == any(text.startswith("error") for text in case["expect"])


@pytest.mark.parametrize("case", cases("interpolation"))
def test_variables_are_evaluated(case: dict[str, Any]) -> None:
    unset: list[str] = []
    evaluation = Evaluation(case["variables"].get, lambda variable: unset.append(variable.name))
    for text, expected in case["expect"].items():
        try:
            found = evaluation.text(text)
        except (Malformed, Missing) as problem:
            found = f"{type(problem).__name__}: {problem}"
        assert found == expected, text
    assert sorted(set(unset)) == case.get("unset", [])
