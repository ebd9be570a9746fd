"""`exec`, `run` and `wait` must hand over words, input, output and exit codes as docker compose does."""

from __future__ import annotations

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.screen import Screen
from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_exec_must_pass_everything_through(stack: Hand) -> None:
    stack("up -d")
    assert stack.inside("exec", "-T", "web", "sh", "-c", "echo $COLOUR; exit 7", code=7) == "red\n"
    words = ("exec", "-T", "-e", "COLOUR=blue", "-u", "1000:1000", "-w", "/usr", "web")
    assert stack.inside(*words, "sh", "-c", "echo $COLOUR; pwd; id -u; id -g") == "blue\n/usr\n1000\n1000\n"
    assert stack("exec -T web cat", given="through\n") == "through\n"
    assert stack.inside("exec", "-T", "web", "sh", "-c", "kill -KILL $$", code=137) == ""
    assert stack.told("exec -T web nosuch", code=127).startswith('error: "nosuch" is not on the container\'s path\n')
    assert "permission denied" in stack.told("exec -T web /etc/passwd", code=126)
    assert "no such service: nope" in stack.told("exec -T nope true", code=1)
    assert 'service "job" is not running' in stack.told("exec -T job true", code=1)
    stack("exec -d web touch /tmp/made")
    stack.inside("exec", "-T", "web", "sh", "-c", "until test -e /tmp/made; do sleep 0.01; done")


def test_run_must_give_output_and_exit_code_and_leave_no_container(stack: Hand) -> None:
    assert stack("run --rm job", code=3) == "done\n"
    assert stack("run --rm -T job cat", given="through\n") == "through\n"
    assert stack.states() == {}
    assert stack("run --rm -T -e COLOUR=blue --no-deps web printenv COLOUR") == "blue\n"
    assert stack.states() == {}
    (stack.folder / "more.env").write_text("COLOUR=green\nSHAPE=round\n")
    assert stack("run --rm -T --no-deps --env-from-file more.env web printenv COLOUR SHAPE") == "green\nround\n"
    assert stack("run --rm -T --no-deps --entrypoint printenv web COLOUR") == "red\n"
    told = stack.told("run --rm job nosuch", code=1)
    assert '"nosuch" is not on the container\'s path' in told
    assert stack.states() == {}


def test_run_must_start_what_is_needed_and_stay_when_asked(stack: Hand) -> None:
    assert stack("run -d --name one web sleep 1000") == "one\n"
    assert stack.states() == {"db-1": "running", "one": "running"}
    assert stack("port web 80", code=1) == ""
    stack("up -d --remove-orphans")
    assert stack.states() == {"db-1": "running", "web-1": "running", "one": "running"}
    stack("stop")
    assert stack.states() == {"db-1": "exited", "web-1": "exited", "one": "running"}
    stack("down -t 0")
    assert stack.states() == {}


def test_wait_must_end_with_the_code_of_what_ended(stack: Hand) -> None:
    stack("up -d")
    stack("stop web")
    assert stack("wait web", code=4) == 'container "verbs-web-1" exited with status code 4\n'


def test_attach_must_join_a_terminal_and_leave_it_by_the_keys_that_were_asked_for(
    machine: Machine, stack: Hand
) -> None:
    stack.edit(
        lambda text: text.replace(
            "  job:", "  shell:\n    image: host\n    tty: true\n    stdin_open: true\n    command: sh\n  job:"
        )
    )
    stack("up -d shell")
    assert '"ctrl-" is not a key' in stack.told("attach --detach-keys ctrl- shell", code=1)
    with Screen(machine, stack.folder, "attach", "--detach-keys", "ctrl-x,q", "--sig-proxy=false", "shell") as screen:
        screen.press(b"echo 4$((1+1))\r")
        screen.until("42")
        screen.press(b"\x18q")
        assert screen.ended() == 0
    assert stack.states()["shell-1"] == "running"
