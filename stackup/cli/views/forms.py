"""Problems for programs: JSON by the line, annotations of a GitHub check, one SARIF log. Their shapes only ever grow.

All go to standard error, where people's words go otherwise. A SARIF log is one document, so it is written when the
command ends, also when there is nothing to report.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from stackup.errors import StackupError

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def line(row: Mapping[str, Any], form: str) -> str:
    """A problem of a file as one line."""
    if form == "github":
        return _annotation(row)
    from stackup.cli.views.tables import line_json

    return line_json("diagnostic", row)


def failure_line(problem: StackupError, form: str) -> str:
    """What is no problem of a file: a missing one, a refusal of the host."""
    if form == "github":
        return f"::error title={_escaped(problem.code, ':,')}::{_escaped(_sentence(problem.message, problem.hint))}"
    from stackup.cli.views.tables import line_json

    return line_json("error", _failure(problem))


def _failure(problem: StackupError) -> dict[str, str]:
    return {"code": problem.code, "message": problem.message, "subject": problem.subject, "hint": problem.hint}


def _sentence(*parts: str) -> str:
    return ": ".join(filter(None, parts))


def _annotation(row: Mapping[str, Any]) -> str:
    span = row["span"]
    found: dict[str, object] = {}
    if span:
        found = {"file": span["source"], "line": span["line"], "col": span["column"]}
        if span["end_line"] == span["line"]:
            found["endColumn"] = span["end_column"]
    found["title"] = row["code"]
    marks = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in found.items())
    return f"::{row['severity']} {marks}::{_escaped(_sentence(row['summary'], row['detail'], row['hint']))}"


def _escaped(text: str, more: str = "") -> str:
    """A workflow command ends at its line; the values of its properties end at a comma besides."""
    for letter in f"%\r\n{more}":
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def sarif(rows: list[dict[str, Any]], codes: Mapping[str, tuple[str, str]], failure: StackupError | None) -> str:
    """One SARIF log with one run. Source: OASIS, Static Analysis Results Interchange Format 2.1.0."""
    import json

    from stackup import __version__

    numbers = {code: number for number, code in enumerate(codes)}
    driver = {"name": "stackup", "version": __version__, "semanticVersion": __version__}
    run = {
        "tool": {"driver": {**driver, "rules": [_rule(code, *texts) for code, texts in codes.items()]}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(failure)],
        "results": [_result(row, numbers) for row in rows],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": SARIF_VERSION, "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(code: str, headline: str, explanation: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": headline},
        "fullDescription": {"text": explanation},
        "help": {"text": f"{explanation} See also: stackup explain {code}"},
    }


def _invocation(failure: StackupError | None) -> dict[str, Any]:
    """Problems of the files are results; that the tool could not look is a notification."""
    if failure is None:
        return {"executionSuccessful": True}
    told = {"level": "error", "message": {"text": _sentence(failure.message, failure.hint)}}
    return {
        "executionSuccessful": False,
        "toolExecutionNotifications": [{**told, "descriptor": {"id": failure.code}}],
    }


def _result(row: Mapping[str, Any], numbers: Mapping[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": row["code"],
        "ruleIndex": numbers[row["code"]],
        "level": row["severity"],
        "message": {"text": _sentence(row["summary"], row["detail"], row["hint"])},
    }
    if row["span"]:
        result["locations"] = [_location(row["span"])]
    related = [item for item in row["related"] if item["span"]]
    if related:
        result["relatedLocations"] = [
            {"id": number, **_location(item["span"]), "message": {"text": item["label"]}}
            for number, item in enumerate(related, 1)
        ]
    return result


def _location(span: Mapping[str, Any]) -> dict[str, Any]:
    from urllib.parse import quote

    region = {
        "startLine": span["line"],
        "startColumn": span["column"],
        "endLine": span["end_line"],
        "endColumn": span["end_column"],
    }
    if span["text"]:
        region["snippet"] = {"text": span["text"]}
    scheme = "file://" if span["source"].startswith("/") else ""
    return {"physicalLocation": {"artifactLocation": {"uri": scheme + quote(span["source"])}, "region": region}}
