"""Problems for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stackup.cli.views.forms import failure_line, line, sarif
from stackup.errors import UsageError
from tests.cli.shell import Shell
from tests.project.shop import SHOP

CODES = {"SU001": ("one", "First."), "SU014": ("two", "Second.")}


def span(line: int, text: str = "      - db") -> dict[str, Any]:
    return {"source": "a b.yaml", "line": line, "column": 9, "end_line": line, "end_column": 11, "text": text}


ROW = {
    "code": "SU014", "severity": "error", "summary": "s", "detail": "100%\nof: it,", "label": "l", "hint": "h",
    "span": span(18), "related": [{"label": "defined here", "span": span(4, "")}],
}  # fmt: skip


def test_an_annotation_escapes_what_would_end_it() -> None:
    assert line({**ROW, "span": {**span(18), "source": "a,b:c"}}, "github") == (
        "::error file=a%2Cb%3Ac,line=18,col=9,endColumn=11,title=SU014::s: 100%25%0Aof: it,: h"
    )
    assert line({**ROW, "span": None}, "github").startswith("::error title=SU014::")


def test_json_is_one_line_with_a_schema() -> None:
    text = line(ROW, "json")
    assert "\n" not in text
    assert json.loads(text) == {"schema": 1, "diagnostic": ROW}


def test_a_failure_has_a_code_a_subject_and_a_hint() -> None:
    problem = UsageError("no such thing", subject="x", hint="look")
    told = json.loads(failure_line(problem, "json"))
    assert told == {
        "schema": 1,
        "error": {"code": "usage", "message": "no such thing", "subject": "x", "hint": "look"},
    }
    assert failure_line(problem, "github") == "::error title=usage::no such thing: look"


def test_a_sarif_log_has_one_run_with_rules_and_results() -> None:
    log = json.loads(sarif([ROW, {**ROW, "severity": "warning", "span": None, "related": []}], CODES, None))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["SU001", "SU014"]
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("SU014", 1, "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b.yaml"}
    assert place["region"] == {
        "startLine": 18,
        "startColumn": 9,
        "endLine": 18,
        "endColumn": 11,
        "snippet": {"text": "      - db"},
    }
    assert first["relatedLocations"][0]["message"] == {"text": "defined here"}
    assert (second["level"], "locations" in second, "relatedLocations" in second) == ("warning", False, False)
    assert run["invocations"] == [{"executionSuccessful": True}]


def test_a_sarif_log_tells_why_nothing_could_be_looked_at() -> None:
    log = json.loads(sarif([], CODES, UsageError("no file", hint="name one")))
    (told,) = log["runs"][0]["invocations"]
    assert told["executionSuccessful"] is False
    assert told["toolExecutionNotifications"][0]["message"]["text"] == "no file: name one"


def test_every_command_that_reads_a_stack_tells_its_problems_in_a_form(shell: Shell) -> None:
    shell.shop.write(SHOP.replace("mem_limit", "mem_limits"))
    for verb in ("config", "plan", "up -d", "create", "vars", "run web true", "start"):
        line = f"--diagnostics json {verb}" if verb.startswith("run") else f"{verb} --diagnostics json"
        answer = shell.typed(line)
        assert answer.code == 1, verb
        found = json.loads(answer.err.splitlines()[0])
        assert (found["schema"], found["diagnostic"]["span"]["line"]) == (1, 11), verb
    assert shell.typed("plan --diagnostics github").err.startswith("::error file=stack.yaml,line=11,col=5,")
    log = json.loads(shell.typed("config --diagnostics=sarif").err)
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["SU020"]
    shell.shop.write(SHOP)
    assert json.loads(shell.typed("config -q --diagnostics sarif").err)["runs"][0]["results"] == []
    assert "choose json, github, sarif" in shell.typed("config --diagnostics xml").err


@pytest.mark.parametrize("verb", ["config -q", "plan", "up -d", "create"])
def test_strict_makes_a_warning_an_error_and_says_which(shell: Shell, verb: str) -> None:
    shell.shop.write(SHOP.replace("nginx", "nginx${SUFFIX}"))
    assert "warning[SU012]" in shell.typed("config -q").err
    answer = shell.typed(f"{verb} --strict")
    assert answer.code == 1
    assert "error[SU012]: a variable is not set" in answer.err
    assert "note: a warning, made an error by --strict" in answer.err
    assert "error: 1 error in the stack files, 1 of them only by --strict\n" in answer.err
    assert answer.err.endswith("help: `stackup explain SU012` says more\n")
    assert shell.shop.running() == []
    assert shell.typed(f"--strict {verb}", SUFFIX="x").code == 0


def test_strict_holds_also_where_nothing_is_parsed(shell: Shell) -> None:
    shell.shop.write(SHOP.replace("nginx", "nginx${SUFFIX}"))
    assert shell.typed("up -d").code == 0
    answer = shell.typed("up -d")
    assert (answer.code, "Nothing to do" in answer.err, "warning[SU012]" in answer.err) == (0, True, True)
    assert shell.typed("up -d --strict").code == 1
