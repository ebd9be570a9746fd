"""`vars` and `config --explain`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Shell

TEXT = """\
services:
  web:
    image: "nginx:${TAG:-latest}"
    environment: {MODE: , WHO: "${WHO:?who?}"}
"""


def test_variables_are_a_table_for_people(shell: Shell, tmp_path: Path) -> None:
    shell.shop.write(TEXT)
    (tmp_path / ".env").write_text("TAG=1\nMODE=\n")
    answer = shell.typed("vars", TAG="2", WHO="me")
    assert answer.code == 0
    assert [line.split() for line in answer.out.splitlines()] == [
        ["VARIABLE", "VALUE", "FROM", "REQUIRED", "NOT", "USED", "AT"],
        ["MODE", '""', ".env:2:1", "no", "stack.yaml:4:19", "MODE"],
        ["TAG", '"2"', "the", "shell", "no", '"1"', ".env:1:1", "stack.yaml:3:19", "${TAG:-latest}"],
        ['"latest"', "default", "at", "stack.yaml:3:19"],
        ["WHO", '"me"', "the", "shell", "yes", "stack.yaml:4:33", "${WHO:?who?}"],
    ]


def test_variables_are_json_for_programs_and_config_says_the_same(shell: Shell, tmp_path: Path) -> None:
    shell.shop.write(TEXT)
    found = json.loads(shell.typed("vars TAG --json", WHO="me").out)
    place = {"source": "stack.yaml", "line": 3, "column": 19}
    assert found == {
        "schema": 1,
        "variables": [
            {
                "name": "TAG",
                "value": "latest",
                "source": {"kind": "default", "value": "latest", "place": place},
                "lost": [],
                "required": False,
                "used": [{"text": "${TAG:-latest}", **place}],
            }
        ],
    }
    assert json.loads(shell.typed("config --explain TAG --format json", WHO="me").out) == found
    assert shell.typed("config --explain TAG", WHO="me").out == shell.typed("vars TAG", WHO="me").out


def test_a_missing_variable_is_explained_though_the_stack_is_in_error(shell: Shell) -> None:
    shell.shop.write(TEXT)
    answer = shell.typed("vars WHO")
    assert (answer.code, answer.out.splitlines()[1].split()[:2]) == (1, ["WHO", "missing"])
    assert "error[SU011]" in answer.err


def test_a_name_that_no_file_asks_for_is_said_so(shell: Shell) -> None:
    shell.shop.write(TEXT)
    answer = shell.typed("vars NOBODY", WHO="me")
    assert (answer.code, answer.err) == (1, 'warning: no file asks for "NOBODY"\n')
