"""Env files where they meet a stack, as case files; `tests/scenarios/test_env_files.py` asks docker compose the same."""

from __future__ import annotations

from typing import Any

import pytest

from stackup.stackfile.render import render
from tests.stackfile.tree import cases, lines, loaded

REFUSED = (
    "A #c",
    "A B=1",
    "A/B=1",
    "- A=1",
    "A='open",
    'A="open',
    "A=${",
    "A=${}",
    "A=${HOME!}",
    "A=${X:?why}",
    "A@=1",
)
REFUSED_RAW = ("A =1", "A\t=1", "export A=1", "A: 1", "=x", "A B")


@pytest.mark.parametrize("case", cases("env"))
def test_env_files_mean_what_their_case_says(case: dict[str, Any]) -> None:
    done = loaded(case["files"], case["environ"], env_files=case.get("env_files", ()))
    assert done.stack is not None, lines(done)
    service = render(done.stack)["services"]["a"]
    assert {key: service[key] for key in case["expect"]} == case["expect"]
    assert lines(done) == case.get("problems", [])


@pytest.mark.parametrize(
    ("line", "form"), [*((line, "") for line in REFUSED), *((line, ", format: raw") for line in REFUSED_RAW)]
)
def test_what_is_no_line_is_refused_with_its_place(line: str, form: str) -> None:
    text = f"services: {{a: {{image: x, env_file: [{{path: e.env{form}}}]}}}}"
    done = loaded({"compose.yaml": text, "e.env": f"OK=1\n{line}\n"}, {"HOME": "/home/me"})
    assert done.stack is None
    assert [(item.code, item.span and item.span.place) for item in done.diagnostics] == [("SU013", "e.env:2")]
