"""Who gave a variable its value, who was not heard, and where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stackup.stackfile.interpolate import MAX_NESTING
from stackup.stackfile.variables import MAX_PLACES, Explained, Source, explain
from tests.stackfile.tree import loaded


def explained(files: Mapping[str, str] | str, environ: Mapping[str, str] | None = None, **more: Any) -> list[Explained]:
    return explain(loaded(files, environ, **more).asking)


def short(source: Source | None) -> str:
    if source is None:
        return "-"
    return f"{source.kind} {source.value!r}" + (f" {source.span}" if source.span else "")


def lines(found: list[Explained]) -> list[str]:
    return [
        f"{item.name}: {short(item.won)}, not {'; '.join(map(short, item.lost)) or '-'}, "
        f"at {' '.join(str(use.span) for use in item.uses)}"
        for item in found
    ]


def test_the_shell_wins_over_files_of_which_the_later_wins() -> None:
    files = {"compose.yaml": "services: {a: {image: '$T'}}", "one.env": "T=1\nT=2", "two.env": "T=3"}
    found = explained(files, {"T": "shell"}, env_files=["one.env", "two.env"])
    assert lines(found) == [
        "T: shell 'shell', not env_file '3' two.env:1:1; env_file '2' one.env:2:1, at compose.yaml:1:24"
    ]


def test_an_empty_value_loses_against_a_default_behind_a_colon_only() -> None:
    found = explained("services: {a: {image: 'x${T:-d}', hostname: '${T-d}'}}", {"T": ""})
    assert lines(found) == [
        "T: default 'd' compose.yaml:1:25, not shell '', at compose.yaml:1:25",
        "T: shell '', not default 'd' compose.yaml:1:46, at compose.yaml:1:46",
    ]


def test_a_default_is_told_as_it_is_evaluated_and_its_variables_are_asked_for() -> None:
    found = explained("services: {a: {image: 'x${T:-${U}y}'}}", {"U": "u"})
    assert lines(found) == [
        "T: default 'uy' compose.yaml:1:25, not -, at compose.yaml:1:25",
        "U: shell 'u', not -, at compose.yaml:1:30",
    ]


def test_an_included_file_is_explained_by_its_own_env_file() -> None:
    files = {
        "compose.yaml": "include: [sub/c.yaml]\nservices: {a: {image: 'x$T'}}",
        "sub/c.yaml": "services: {b: {image: 'x$T'}}",
        "sub/.env": "T=sub",
    }
    assert lines(explained(files)) == [
        "T: -, not -, at compose.yaml:2:25",
        "T: env_file 'sub' sub/.env:1:1, not -, at sub/c.yaml:1:25",
    ]
    assert lines(explained({**files, ".env": "T=top"})) == [
        "T: env_file 'top' .env:1:1, not env_file 'sub' sub/.env:1:1, at compose.yaml:2:25 sub/c.yaml:1:25"
    ]


def test_names_that_are_passed_on_are_asked_for() -> None:
    text = """\
services:
  a:
    image: x
    build: {context: ., args: [B]}
    environment: [A, C=1]
secrets: {s: {environment: S}}
"""
    found = explained(text, {"A": "1"})
    assert [(item.name, short(item.won)) for item in found] == [("A", "shell '1'"), ("B", "-"), ("S", "-")]


def test_a_required_variable_and_the_name_of_the_stack_are_known_as_such() -> None:
    found = explained("name: mine\nservices: {a: {image: '${R?}x$COMPOSE_PROJECT_NAME'}}")
    assert [(item.name, short(item.won), item.required) for item in found] == [
        ("COMPOSE_PROJECT_NAME", "stack 'mine'", False),
        ("R", "-", True),
    ]


@pytest.mark.slow
def test_a_file_full_of_variables_is_explained_in_its_own_time() -> None:
    many = "$A" * 100_000
    deep = "${B:-" * 5_000 + "}" * 5_000
    labels = "".join(f"      - l{number}=${{C:-{number}}}\n" for number in range(5_000))
    found = explained(
        f"services:\n  a:\n    image: '{many}'\n    hostname: '{deep}'\n    labels:\n{labels}", {"A": "1"}
    )
    uses: dict[str, int] = {}
    for item in found:
        uses[item.name] = uses.get(item.name, 0) + len(item.uses)
    assert uses == {"A": MAX_PLACES + 1, "B": MAX_NESTING + 1, "C": 5_000}
