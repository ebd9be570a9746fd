"""Whole diagnostics as people see them: files and the text that is said about them, side by side."""

from __future__ import annotations

from typing import Any

import pytest

from stackup.cli.views.diagnostics import draw
from stackup.project.problems import rows_of
from tests.stackfile.tree import cases, loaded


def unpainted(text: str, style: str) -> str:
    return text


@pytest.mark.parametrize("case", cases("rendered"))
def test_a_diagnostic_looks_as_its_case_file_says(case: dict[str, Any]) -> None:
    more = {"files": case.get("load", ()), "profiles": case.get("profiles", ())}
    done = loaded(case["files"], case.get("environ", {}), **more)
    said = "\n\n".join(draw(row, unpainted) for row in rows_of(done.diagnostics, done.sources))
    assert said == case["expect"].rstrip("\n")
