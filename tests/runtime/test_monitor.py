"""A monitor over a real container: starts, ends, stops, restarts, and what its death means."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from stackup.errors import StackupError
from stackup.kernel import proc
from tests.conftest import OwnHost
from tests.runtime.stage import FOREVER, SECOND, Stage, wait_gone

pytestmark = pytest.mark.host


def test_a_program_that_ends_leaves_its_exit_code_and_no_process(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", "echo out; echo err >&2; exit 7")
    status = container.until("exited")
    assert (status["exit_code"], status["stopped"], status["init"]) == (7, False, None)
    assert container.output() == b"out\n"
    assert container.output(b"stderr") == b"err\n"
    container.wait_monitor()
    assert os.listdir(container.description["live_dir"]) == []


def test_a_program_killed_by_a_signal_has_128_and_its_number(own_host: OwnHost, tmp_path: Path) -> None:
    assert Stage(tmp_path).start("web", "sh", "-c", "exec sleep 1000", init=True).stop()["exit"] == 128 + signal.SIGTERM


def test_stop_asks_first_and_says_the_programs_own_exit_code(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell(
        "web", "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 1000 & wait $!; done"
    )
    container.line(b"up")
    assert container.stop() == {"exit": 5}
    assert container.output() == b"up\nbye\n"
    assert container.status["stopped"]


def test_a_deaf_pid_1_is_named_at_once_and_killed_after_the_grace(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).start("web", "sleep", "1000")
    with container.client.open() as talk:
        talk.say({"do": "watch"})
        assert talk.hear()["status"]["state"] == "running"
        began = time.monotonic()
        talk.say({"do": "stop", "grace": SECOND // 2})
        assert "does not handle SIGTERM" in talk.hear()["status"]["warning"]
        assert time.monotonic() - began < 0.4
    status = container.until("exited")
    assert status["exit_code"] == 128 + signal.SIGKILL
    assert time.monotonic() - began >= 0.5


def test_a_killed_monitor_takes_its_container_along_and_the_status_says_so(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", "sleep 1000 & echo up; wait")
    container.line(b"up")
    init = container.first["init"]
    assert init is not None
    assert proc.alive(init["pid"], init["start"])
    container.kill_monitor()
    assert not proc.alive(init["pid"], init["start"])
    assert container.status["state"] == "exited"
    assert container.status["exit_code"] == 137
    assert "monitor lost" in container.status["error"]


def test_restarts_back_off_and_are_counted(own_host: OwnHost, tmp_path: Path) -> None:
    restart = {"policy": "on-failure", "attempts": 2, "delay": 0, "window": 0}
    began = time.monotonic()
    container = Stage(tmp_path).shell("web", "echo run; exit 3", restart=restart)
    status = container.until("exited")
    assert (status["restarts"], status["exit_code"]) == (2, 3)
    assert container.output() == b"run\n" * 3
    assert time.monotonic() - began >= 0.3  # 100 ms, then 200


def test_whoever_is_stopped_between_two_runs_stays_down(own_host: OwnHost, tmp_path: Path) -> None:
    restart = {"policy": "always", "attempts": 0, "delay": 3600 * SECOND, "window": 0}
    container = Stage(tmp_path).shell("web", "exit 4", restart=restart)
    container.until("restarting")
    assert container.stop() == {"exit": 4}
    assert container.status["state"] == "exited"


def test_a_kill_by_hand_ends_the_restarts(own_host: OwnHost, tmp_path: Path) -> None:
    restart = {"policy": "always", "attempts": 0, "delay": 0, "window": 0}
    container = Stage(tmp_path).shell("web", FOREVER, restart=restart)
    assert container.client.request({"do": "kill", "signal": "SIGKILL"}) == {"exit": 137}
    assert container.status["state"] == "exited", "whoever looks after the answer finds it gone"


def test_a_set_up_that_fails_names_operation_and_path(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    description = stage.description("web", "/bin/nothing-here")
    problem = stage.launch(description)["container/web"]
    assert isinstance(problem, StackupError)
    assert "cannot run" in problem.message
    assert "no such file" in problem.message
    assert problem.subject == "/bin/nothing-here"


def test_two_who_stop_at_once_both_hear_the_end(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    with container.client.open() as first, container.client.open() as second:
        first.say({"do": "stop"})
        second.say({"do": "stop"})
        assert first.hear() == second.hear() == {"exit": 0}


def test_the_host_pid_namespace_works_without_a_nested_one(own_host: OwnHost, tmp_path: Path) -> None:
    namespaces = {"net": "", "pid": "host", "ipc": "", "uts": "", "cgroup": ""}
    container = Stage(tmp_path).shell("web", "echo up; exec sleep 1000", namespaces=namespaces)
    container.line(b"up")
    init = container.first["init"]
    assert init is not None
    container.kill_monitor()
    pidfd = proc.open_process(init["pid"], init["start"])
    if pidfd is not None:  # PR_SET_PDEATHSIG is on its way
        os.close(pidfd)
    wait_gone(init["pid"], init["start"])


def test_how_to_stop_changes_in_place(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", "sleep 1000")
    stop = {"signal": "SIGKILL", "grace": SECOND}
    assert container.client.request({"do": "update", "what": "stop", "value": stop}) == {"done": True}
    assert container.stop() == {"exit": 137}


def test_a_sigterm_to_the_monitor_is_a_stop(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", "trap 'exit 6' TERM; echo up; while :; do sleep 1000 & wait $!; done")
    container.line(b"up")
    os.kill(container.first["monitor"]["pid"], signal.SIGTERM)
    status = container.until("exited")
    assert (status["exit_code"], status["parked"]) == (6, True)


def test_who_was_stopped_by_hand_is_not_parked_by_the_end_of_the_machine(own_host: OwnHost, tmp_path: Path) -> None:
    script = "trap 'echo asked' TERM; echo up; while :; do sleep 1000 & wait $!; done"
    container = Stage(tmp_path).shell("web", script)
    container.line(b"up")
    with container.client.open() as talk:
        talk.say({"do": "stop", "grace": 3600 * SECOND})
        container.line(b"asked")
        os.kill(container.first["monitor"]["pid"], signal.SIGTERM)
        container.client.request({"do": "stop", "grace": 0, "parked": True})
    assert not container.status.get("parked")


def test_health_checks_come_and_go_in_place(own_host: OwnHost, tmp_path: Path) -> None:
    health = {"test": ["CMD", "true"], "interval": SECOND, "timeout": SECOND, "retries": 1, "start_period": 0,
              "start_interval": 0}  # fmt: skip
    container = Stage(tmp_path).shell("web", FOREVER)
    with container.client.open() as talk:
        talk.say({"do": "watch"})
        assert talk.hear()["status"]["health"] is None
        assert container.client.request({"do": "update", "what": "health", "value": health}) == {"done": True}
        while (talk.hear()["status"]["health"] or {}).get("status") != "healthy":
            continue
        assert container.client.request({"do": "update", "what": "health", "value": None}) == {"done": True}
        while talk.hear()["status"]["health"] is not None:
            continue


def test_the_log_takes_new_bounds_while_it_is_written(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", "read go; dd if=/dev/zero bs=1000 count=300 2>/dev/null", stdin_open=True)
    bounds = {"driver": "json-file", "max_size": 50_000, "max_file": 2}
    assert container.client.request({"do": "update", "what": "log", "value": bounds}) == {"done": True}
    with container.client.open() as talk:
        talk.say({"do": "attach", "stdin": True, "once": True})
        _, fds = talk.hear_with_descriptors()
        for fd in fds:
            os.close(fd)
        assert talk.hear() == {"exit": 0}
    container.wait_monitor()
    sizes = {path.name: path.stat().st_size for path in Path(container.state_dir).glob("log*")}
    assert len(sizes) == 2
    assert max(sizes.values()) <= 50_000
