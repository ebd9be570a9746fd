"""Every code has an example that goes wrong in exactly that way, and is mended."""

from __future__ import annotations

import os

import pytest

from stackup.project.explain import CODES, FOLDER, example, problems_of


@pytest.mark.parametrize("code", sorted(CODES))
def test_an_example_has_its_problem_and_its_mended_form_has_none(code: str) -> None:
    shown = example(code)
    assert {row["code"] for row in problems_of(shown.bad, shown.profiles)} == {code}
    assert problems_of(shown.good, shown.profiles) == []


def test_no_example_is_without_its_code() -> None:
    assert {name.removesuffix(".yaml") for name in os.listdir(FOLDER)} == set(CODES)
