"""The launcher: many at once, what is lost when it dies, what crosses to it, and what a monitor keeps of all that."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackup.errors import StackupError
from stackup.kernel import proc
from stackup.runtime import record
from stackup.runtime.client import Client, ask_all
from stackup.runtime.description import Description
from stackup.runtime.launch import Launcher
from tests.conftest import OwnHost
from tests.runtime.stage import DEADLINE_S, FOREVER, SECOND, Container, Stage

pytestmark = pytest.mark.host
LIGHT = {"operations": [], "stop": {"signal": "SIGKILL", "grace": 0}}
"""No root of its own: the host's, for tests of many."""


def test_many_containers_start_with_few_descriptors(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    descriptions = [stage.description(f"web-{number}", "/bin/sleep", "1000", **LIGHT) for number in range(60)]
    before = set(os.listdir("/proc/self/fd"))
    found = stage.launch(*descriptions)
    assert {type(status) for status in found.values()} == {dict}
    assert len(os.listdir("/proc/self/fd")) <= len(before) + 4
    requests = {one["name"]: (Client(one["live_dir"]), {"do": "stop"}) for one in descriptions}
    answers = dict(ask_all(requests, limit_s=DEADLINE_S))
    assert list(answers.values()) == [{"exit": 137}] * 60
    stage.launcher.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_one_that_fails_does_not_hold_up_the_others(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    bad = stage.description("bad", "/absent")
    good = stage.description("good", "sh", "-c", FOREVER)
    found = stage.launch(bad, good)
    assert isinstance(found["container/bad"], StackupError)
    assert not isinstance(found["container/good"], StackupError)
    status = record.observe_status(bad["state_dir"])
    assert status is not None
    assert status["state"] == "failed"
    assert "cannot run" in status["error"]


def test_a_large_environment_crosses(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    description = stage.description("web", "sh", "-c", "echo ${#BIG0} ${#BIG9}")
    description["process"]["env"] |= {f"BIG{number}": "x" * 120_000 for number in range(10)}
    status = stage.launch(description)["container/web"]
    assert not isinstance(status, StackupError)
    container = Container(description, status)
    container.until("exited")
    assert container.output() == b"120000 120000\n"


def test_a_launcher_that_is_killed_is_an_error_for_each_and_the_next_one_works(
    own_host: OwnHost, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    stage.launcher.start()
    os.kill(stage.launcher._pid, signal.SIGKILL)
    descriptions = [stage.description(name, "sh", "-c", FOREVER) for name in ("one", "two")]
    found = stage.launch(*descriptions)
    assert [problem.code for problem in found.values() if isinstance(problem, StackupError)] == ["launcher-lost"] * 2
    again = stage.launch(*descriptions)
    assert not any(isinstance(status, StackupError) for status in again.values())


def test_monitors_outlive_their_launcher(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    container = stage.shell("web", FOREVER)
    os.kill(stage.launcher._pid, signal.SIGKILL)
    stage.launcher.close()
    assert container.status["state"] == "running"
    assert container.stop() == {"exit": 0}


def test_a_monitor_holds_nothing_of_the_command(own_host: OwnHost, tmp_path: Path) -> None:
    held = [os.open("/", os.O_RDONLY) for _ in range(50)]
    for fd in held:
        os.set_inheritable(fd, True)
    os.environ["SECRET_OF_THE_CALLER"] = "mine"
    stage = Stage(tmp_path)
    container = stage.shell("web", FOREVER)
    stage.launcher.close()
    pid = container.first["monitor"]["pid"]
    links = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    assert "/" not in links
    assert links.count("/dev/null") == 3
    assert b"SECRET_OF_THE_CALLER" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert b"trap" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert Path(f"/proc/{pid}/comm").read_text() == "stackup-monitor\n"
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_the_end_of_a_command_in_a_pipe_is_seen_while_its_containers_run(own_host: OwnHost, tmp_path: Path) -> None:
    """`up -d | cat` must end: nobody may keep the command's standard output."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    stage = Stage(tmp_path)
    container = stage.shell("web", FOREVER)
    stage.launcher.close()
    os.close(writing)
    assert os.read(reading, 1) == b""
    assert container.status["state"] == "running"


def test_a_socket_bound_by_the_command_is_the_monitors(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    bound = socket.create_server(("127.0.0.1", 0))
    port = {"host_ip": "127.0.0.1", "port": bound.getsockname()[1], "target": 80, "protocol": "tcp"}
    description = stage.description("web", "sh", "-c", FOREVER, ports=[port], ports_to="127.0.0.1")
    held = {"container/web": [[bound.fileno()]]}
    [(_, status)] = stage.launcher.launch([description], held=held)
    assert not isinstance(status, StackupError)
    stage.launcher.close()
    bound.close()
    socket.create_connection(("127.0.0.1", port["port"]), timeout=5).close()
    container = Container(description, status)
    assert container.client.request({"do": "update", "what": "ports", "value": []}) == {"done": True}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port["port"]), timeout=5)


def test_a_taken_port_is_named_and_nothing_is_left(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    taken = socket.create_server(("127.0.0.1", 0))
    number = taken.getsockname()[1]
    port = {"host_ip": "127.0.0.1", "port": number, "target": 80, "protocol": "tcp"}
    description = stage.description("web", "sh", "-c", FOREVER, ports=[port], ports_to="127.0.0.1")
    problem = stage.launch(description)["container/web"]
    assert isinstance(problem, StackupError)
    assert str(number) in problem.message
    taken.close()


def test_a_monitor_loads_only_what_it_needs(own_host: OwnHost) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules); import stackup.runtime.launcher;"
        "print(' '.join(sorted(set(sys.modules) - before)))"
    )
    root = str(Path(__file__).resolve().parents[2])
    said = subprocess.run([sys.executable, "-I", "-S", "-c", script, root], capture_output=True, text=True, check=True)
    loaded = said.stdout.split()
    dear = {
        "dataclasses",
        "typing",
        "pathlib",
        "subprocess",
        "threading",
        "logging",
        "argparse",
        "asyncio",
        "traceback",
        "inspect",
    }
    assert dear.isdisjoint(loaded)
    ours = {name for name in loaded if name.startswith("stackup")}
    allowed = {"stackup", "stackup.errors", "stackup.layout"}
    assert {name for name in ours - allowed if not name.startswith(("stackup.kernel", "stackup.runtime"))} == set()


def test_a_stop_of_many_takes_as_long_as_the_slowest(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    descriptions = [stage.description(f"web-{number}", "sh", "-c", FOREVER) for number in range(5)]
    deaf = stage.description("deaf", "sleep", "1000", stop={"signal": "SIGTERM", "grace": SECOND // 2})
    found = stage.launch(*descriptions, deaf)
    for one in descriptions:
        status = found[one["address"]]
        assert not isinstance(status, StackupError)
        Container(one, status).line(b"up")
    requests = {one["name"]: (Client(one["live_dir"]), {"do": "stop"}) for one in (*descriptions, deaf)}
    answers = list(ask_all(requests, limit_s=DEADLINE_S))
    assert answers[-1] == ("deaf", {"exit": 137})
    for one in descriptions:
        status = record.observe_status(one["state_dir"])
        assert status is not None
        assert not proc.alive(status["monitor"]["pid"], status["monitor"]["start"]) or status["state"] == "exited"


def test_closing_a_launcher_that_never_began_is_nothing(own_host: OwnHost) -> None:
    Launcher().close()


def test_starts_from_several_threads_are_one_launcher(own_host: OwnHost) -> None:
    launcher, ready, problems = Launcher(), threading.Barrier(8), []

    def begin() -> None:
        ready.wait()
        try:
            launcher.start()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parent = f"\nPPid:\t{os.getpid()}\n"
    children = [
        name for name in os.listdir("/proc") if name.isdigit() and parent in Path("/proc", name, "status").read_text()
    ]
    launcher.close()
    assert problems == []
    assert len(children) == 1


def test_a_launcher_killed_in_the_middle_leaves_what_it_says(own_host: OwnHost, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    descriptions = [stage.description(f"web-{number}", "/bin/sleep", "1000", **LIGHT) for number in range(30)]

    def cut_short() -> Iterator[Description]:
        for number, one in enumerate(descriptions):
            if number == len(descriptions) // 2:
                os.kill(stage.launcher._pid, signal.SIGKILL)
            yield one

    found: dict[str, object] = dict(stage.launcher.launch(cut_short(), limit_s=DEADLINE_S))
    assert set(found) == {one["address"] for one in descriptions}
    lost = 0
    for one in descriptions:
        status = record.observe_status(one["state_dir"])
        running = status is not None and status["state"] == "running"
        assert running is isinstance(found[one["address"]], dict), (status, found[one["address"]])
        lost += not running
    assert lost >= len(descriptions) // 2
