from __future__ import annotations

from typing import Any

import pytest

from stackup.images.build.dockerfile import parse
from stackup.images.build.stages import Settings, read_stages
from tests.images.build.cases import line, load, problems


@pytest.mark.parametrize("case", load("syntax"), ids=lambda case: case["name"])
def test_a_dockerfile_says(case: dict[str, Any]) -> None:
    found = parse(case["text"], "D")
    assert problems(found) == case.get("problems", [])
    if "expect" in case:
        assert [line(item) for item in found.instructions] == case["expect"]


def test_the_syntax_directive_is_noted_and_never_run() -> None:
    found = parse("# syntax=evil/frontend:1\nFROM a\n", "D")
    assert (found.syntax, found.problems) == ("evil/frontend:1", ())


def test_the_content_of_a_heredoc_keeps_its_ends_of_lines() -> None:
    (run,) = parse("RUN <<E\r\na\r\n\tb\r\nE\r\n", "D").instructions
    assert run.heredocs[0].content == "a\r\n\tb\r\n"


def test_a_caret_finds_its_place_in_a_continuation() -> None:
    (copy,) = parse("COPY \\\n  # a comment\n  --from=x \\\n   a b", "D").instructions
    assert str(copy.written.find("--from=x")) == "D:3:3"
    assert str(copy.written.find("a b")) == "D:4:4"


def test_a_closing_word_with_spaces_is_hinted_at() -> None:
    (problem,) = parse("RUN <<E\nx\n E\n", "D").problems
    assert problem.hint == 'the closing "E" must stand alone, without spaces before or behind it'


def test_a_near_miss_is_offered() -> None:
    (problem,) = parse("FORM alpine", "D").problems
    assert problem.hint == 'did you mean "FROM"?'


@pytest.mark.slow
@pytest.mark.parametrize(("line", "detail"), [("FROM a\n", "more than 5000 instr"), ("no\n", "more than 100 problems")])
def test_more_than_anybody_has_is_refused_soon(line: str, detail: str) -> None:
    found = parse(line * 100_000, "D")
    assert found.problems[-1].detail.startswith(detail)
    assert len(found.problems) <= 101
    assert read_stages(found, Settings()).problems
