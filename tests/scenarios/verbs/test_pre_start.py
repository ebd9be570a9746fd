"""`pre_start`: what must have ended well before a service starts, once, and again only when it is something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]

STACK = """
name: verbs
services:
  db: {image: host, command: [sleep, "1000"], stop_grace_period: 0s}
  web:
    image: host
    command: [sh, -c, "echo web >> /data/told; sleep 1000"]
    stop_grace_period: 0s
    environment: {WHO: web}
    depends_on: [db]
    volumes: [data:/data]
    pre_start:
      - {command: [sh, -c, "getent hosts db > /dev/null && ! getent hosts web && echo one $$WHO >> /data/told"]}
      - {command: [sh, -c, "test ! -e /data/broken && echo two $$WHO >> /data/told"], environment: {WHO: me}, per_replica: true}
volumes: {data: {}}
"""


def told(stack: Hand) -> list[str]:
    """What was written since the last time."""
    file = Path(stack.machine.state) / "stacks/verbs/volume/data/data/told"
    text = file.read_text() if file.exists() else ""
    if text:
        file.write_text("")
    return text.splitlines()


def test_a_service_starts_when_what_comes_first_has_ended_well(stack: Hand) -> None:
    stack.file.write_text(STACK)
    before = stack.machine.inventory()
    stack("up -d --wait")
    assert told(stack) == ["one web", "two me", "web"]
    assert "as the file says" in stack("plan")
    stack("up -d")
    stack("restart web")
    assert told(stack) == ["web"], "what ended well is not done again, whoever is started anew"
    stack("up -d --scale web=2")
    assert told(stack) == ["two me", "web"], "a new replica has only its own done"
    stack.edit(lambda text: text.replace("echo one", "echo other"))
    stack("up -d")
    assert told(stack) == ["other web", "web"], "another one is done, and the service begins anew after it"
    stack("down -v")
    stack.file.write_text(STACK)
    stack.machine.must_be_as(before)


def test_one_that_fails_keeps_the_service_down_and_is_tried_again(stack: Hand) -> None:
    stack.file.write_text(STACK)
    stack("create")
    broken = Path(stack.machine.state) / "stacks/verbs/volume/data/data/broken"
    broken.touch()
    said = stack.told("up -d", code=1)
    assert 'container "verbs-web-1-pre-start-2" is not running: exited 1' in said
    assert told(stack) == ["one web"]
    assert stack.rows()["verbs-web-1"]["State"] == "created"
    broken.unlink()
    stack("up -d")
    assert told(stack) == ["two me", "web"], "what ended well before is not done again"
    assert stack("run --rm web echo hi") == "hi\n"
    assert told(stack) == [], "a one-off is not the service"
    stack("down -v")
