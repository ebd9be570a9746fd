"""`logging: {driver: journald}` where journald runs: what it was given it gives back, with the fields that docker has."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.vm.inside.whole import Whole, shell

STACK = """
name: journal
services:
  web:
    image: host
    command: [sh, -c, "echo out; echo wrong >&2; printf 'no end'"]
    labels: {team: blue}
    logging: {driver: journald, options: {tag: "app-{{.Name}}", labels: team}}
"""


def entries(count: int) -> list[dict[str, Any]]:
    """journald takes its time to show what it has."""
    deadline = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    while len(found) < count and time.monotonic() < deadline:
        time.sleep(0.5)
        shell("journalctl --sync")
        found = [json.loads(line) for line in shell("journalctl -o json CONTAINER_NAME=journal-web-1").splitlines()]
    return found


def test_the_journal_gives_back_what_was_written(whole: Whole) -> None:
    whole.write(STACK)
    whole.stackup("up", "-d")
    found = entries(3)
    assert [(entry["MESSAGE"], entry["PRIORITY"]) for entry in found] == [("out", "6"), ("wrong", "3"), ("no end", "6")]
    assert {entry["SYSLOG_IDENTIFIER"] for entry in found} == {"app-journal-web-1"}
    assert {entry["TEAM"] for entry in found} == {"blue"}
    assert [entry.get("CONTAINER_PARTIAL_MESSAGE") for entry in found] == [None, None, "true"]
    assert "wrong" in whole.stackup("logs", "web")
