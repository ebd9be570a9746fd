"""`stop`, `start`, `restart`, `kill`, `create`, `rm`, `scale` and `down` must do what they do under docker compose."""

from __future__ import annotations

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]


def told_order(told: str, word: str) -> list[str]:
    return [line.split()[1].removeprefix("verbs-") for line in told.splitlines() if line.endswith(f"  {word}")]


def test_stop_and_start_must_keep_containers_and_their_order(stack: Hand) -> None:
    assert told_order(stack.told("up -d"), "Started") == ["db-1", "web-1"]
    first = stack.ids()
    assert told_order(stack.told("stop"), "Stopped") == ["web-1", "db-1"]
    assert stack("ps -q") == ""
    assert stack.states() == {"db-1": "exited", "web-1": "exited"}
    assert stack.rows()["verbs-web-1"]["ExitCode"] == 4
    assert told_order(stack.told("start"), "Started") == ["db-1", "web-1"]
    assert told_order(stack.told("restart web"), "Started") == ["web-1"]
    assert stack.ids() == first
    assert stack("logs --no-log-prefix web").splitlines().count("web-up") == 3
    stack("kill web")
    assert stack.rows()["verbs-web-1"]["ExitCode"] == 137
    assert 'error: "SIGNOPE" is not a signal' in stack.told("kill -s nope db", code=1)
    stack("kill -s TERM db")
    stack("wait db")
    assert stack.states() == {"db-1": "exited", "web-1": "exited"}
    assert 'service "job" has no container to start' in stack.told("start job", code=1)


def test_create_rm_and_scale_must_make_and_remove_containers(stack: Hand) -> None:
    stack("create")
    assert stack.states() == {"db-1": "created", "web-1": "created"}
    stack("start db")
    assert "No stopped containers" in stack.told("rm -f db")
    stack("scale db=2")
    assert stack.states() == {"db-1": "running", "db-2": "running", "web-1": "created"}
    stack("rm -f web")
    stack("rm -fs db")
    assert stack.states() == {}
    stack("scale db=1", code=0)
    assert stack.states() == {"db-1": "running"}


def test_down_must_leave_volumes_and_with_v_nothing(machine: Machine, stack: Hand) -> None:
    before = machine.inventory()
    stack("up -d")
    stack.inside("exec", "-T", "db", "sh", "-c", "echo kept >/data/file")
    assert told_order(stack.told("down"), "Stopped") == ["web-1", "db-1"]
    assert stack("ps -aq") == ""
    assert stack("ls -a -q") == ""
    stack("up -d db")
    assert stack("exec -T db cat /data/file") == "kept\n"
    stack("down -v")
    assert stack("volumes -q") == ""
    machine.must_be_as(before)
    assert "no resource found to remove" in stack.told("down -v").lower()


def test_down_of_one_service_must_leave_the_others(stack: Hand) -> None:
    stack("up -d")
    stack("down -t 0 web")
    assert stack.states() == {"db-1": "running"}
    stack("-f nowhere.yaml -p verbs down", code=1)
    assert stack.states() == {"db-1": "running"}
    stack("-p verbs down", COMPOSE_FILE="nowhere.yaml")
    assert stack.states() == {}


def test_a_paused_service_must_stand_still_and_go_on(stack: Hand) -> None:
    stack("up -d")
    assert stack.told("pause web").splitlines() == [" Container verbs-web-1  Paused"]
    assert stack.states() == {"db-1": "running", "web-1": "paused"}
    assert "(Paused)" in stack("ps web")
    assert "is paused" in stack.told("exec -T web true", code=1)
    assert "is paused" in stack.told("pause web", code=1)
    assert "Nothing to do" in stack.told("up -d")
    assert stack.told("unpause").splitlines() == [" Container verbs-web-1  Unpaused"]
    assert stack.states() == {"db-1": "running", "web-1": "running"}
    assert "is not paused" in stack.told("unpause web", code=1)
    stack("exec -T web true")


def test_a_paused_service_must_be_stopped_and_removed_like_any_other(stack: Hand) -> None:
    stack("up -d")
    stack("pause")
    stack("stop web")
    assert stack.rows()["verbs-web-1"]["ExitCode"] == 4, "it heard the signal"
    assert "is not running" in stack.told("pause web", code=1)
    stack("down -v")
    assert stack("ps -aq") == ""


def test_hooks_must_run_around_start_and_stop_and_fail_as_docker_composes(stack: Hand) -> None:
    hooks = """
    post_start:
      - {command: [sh, -c, 'echo "$$COLOUR $$SHAPE $$(pwd) $$(id -u)"'], environment: [SHAPE=round], working_dir: /usr}
      - {command: [sh, -c, 'sleep 0.2; echo whole > /tmp/made'], user: "1000"}
    pre_stop: [{command: [sh, -c, 'cat /tmp/made; exit ${CODE}']}]
    depends_on: [db]"""
    stack.edit(lambda text: text.replace("\n    depends_on: [db]", hooks))
    stack("up -d", CODE="3")
    assert "red round /usr 0" in stack("logs --no-log-prefix web").splitlines()
    assert stack("exec -T web cat /tmp/made") == "whole\n"
    assert 'pre_stop hook 1 of "verbs-web-1" exited with status 3' in stack.told("stop web", code=1, CODE="3")
    assert stack.states()["web-1"] == "running"
    before = stack.ids()
    stack("up -d", CODE="0")
    assert stack.ids() == before, "other hooks are a note in the record"
    stack("stop web", CODE="0")
    assert stack("logs --no-log-prefix -n 2 web") == "whole\nweb-stop\n"
    stack.edit(lambda text: text.replace("sleep 0.2;", "exit 9;"))
    told = stack.told("up -d", code=1, CODE="0")
    assert 'post_start hook 2 of "verbs-web-1" exited with status 9' in told
    assert stack.states()["web-1"] == "running", "as with docker compose"
    stack("run --rm -T --no-deps web true", CODE="0")
