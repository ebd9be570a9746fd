"""`up` in the foreground must show output with prefixes, stop gracefully at the first Ctrl-C and kill at the second."""

from __future__ import annotations

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.screen import Screen
from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]
CTRL_C = b"\x03"


def test_the_first_ctrl_c_must_stop_everything_gracefully(machine: Machine, stack: Hand) -> None:
    with Screen(machine, stack.folder, "up") as screen:
        screen.until("db-1   | ", "db-up", "web-1  | ", "web-up")
        screen.press(CTRL_C)
        screen.until("Gracefully stopping... (press Ctrl+C again to force)", "web-stop", "db-stop")
        assert screen.ended() == 130
    assert "\033[3" in screen.text, "no colours"
    assert stack.states() == {"db-1": "exited", "web-1": "exited"}
    assert stack.rows()["verbs-web-1"]["ExitCode"] == 4


def test_the_second_ctrl_c_must_kill(machine: Machine, stack: Hand) -> None:
    stack.edit(lambda text: text.replace("echo web-stop; exit 4", "echo not-yet"))
    with Screen(machine, stack.folder, "up", "--no-color") as screen:
        screen.until("web-up")
        screen.press(CTRL_C)
        screen.until("not-yet")
        screen.press_again(CTRL_C)
        assert screen.ended() == 130
    assert stack.states() == {"db-1": "exited", "web-1": "exited"}
    assert stack.rows()["verbs-web-1"]["ExitCode"] == 137


def test_one_containers_end_must_be_the_end_of_all_when_asked(stack: Hand) -> None:
    (stack.folder / "jobs.yaml").write_text("services: {job: {profiles: !reset [], depends_on: [web]}}")
    files = "-f stack.yaml -f jobs.yaml"
    out = stack(f"{files} up --abort-on-container-exit", code=3)
    assert "job-1  | done" in out
    assert set(stack.states().values()) == {"exited"}
    stack(f"{files} up --exit-code-from web", code=4)
    stack(f"{files} up --exit-code-from job --no-log-prefix", code=3)
    stack(f"{files} up --abort-on-container-failure", code=3)
    told = stack.told(f"{files} up -d --abort-on-container-exit", code=1)
    assert "need the foreground" in told


def test_a_terminal_must_come_through_exec_and_run(machine: Machine, stack: Hand) -> None:
    stack("up -d db")
    with Screen(
        machine, stack.folder, "exec", "db", "sh", "-c", "tty; stty size; read x; echo got $x; exit 9"
    ) as screen:
        screen.until("/dev/pts/", "33 101")
        screen.press(b"words\n")
        screen.until("got words")
        assert screen.ended() == 9
    # As process 1 the shell gets only signals that it traps, and what it starts after the key was pressed gets none.
    patient = "trap 'exit 130' INT; tty; while :; do sleep 0.1; done"
    with Screen(machine, stack.folder, "run", "--rm", "job", "sh", "-c", patient) as screen:
        screen.until("/dev/pts/")
        screen.press(CTRL_C)
        assert screen.ended() == 130
    assert stack.states() == {"db-1": "running"}
