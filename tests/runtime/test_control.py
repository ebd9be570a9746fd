"""A monitor's socket: who reaches it, bad requests, watchers, and the answer when nobody is there."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from stackup.errors import StackupError
from stackup.runtime.client import Client, MonitorGone, ask_all
from stackup.runtime.frames import encode
from tests.conftest import OwnHost
from tests.runtime.stage import FOREVER, SECOND, Stage


def test_a_monitor_that_is_not_there_is_one_typed_answer(tmp_path: Path) -> None:
    with pytest.raises(MonitorGone):
        Client(str(tmp_path)).request({"do": "status"})
    with pytest.raises(MonitorGone):
        Client(str(tmp_path / "absent")).request({"do": "status"})
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "control.sock"))
    stale.close()
    [(key, problem)] = ask_all({"web": (Client(str(tmp_path)), {"do": "stop"})})
    assert key == "web"
    assert isinstance(problem, MonitorGone)


def test_an_answer_that_does_not_come_is_an_error_in_time(tmp_path: Path) -> None:
    mute = socket.socket(socket.AF_UNIX)
    mute.bind(str(tmp_path / "control.sock"))
    mute.listen()
    with pytest.raises(StackupError, match=r"did not answer within 0\.05s"):
        Client(str(tmp_path)).request({"do": "status"}, limit_s=0.05)
    [(_, problem)] = ask_all({"web": (Client(str(tmp_path)), {"do": "stop"})}, limit_s=0.05)
    assert isinstance(problem, StackupError)
    mute.close()


@pytest.mark.host
def test_the_socket_is_its_owners_alone_and_no_abstract_one(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    path = os.path.join(container.description["live_dir"], "control.sock")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert "@" not in Path("/proc/net/unix").read_text()


@pytest.mark.host
def test_another_user_is_turned_away(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    path = os.path.join(container.description["live_dir"], "control.sock")
    os.chmod(path, 0o666)
    for folder in (tmp_path, *list(tmp_path.parents)[:-1], Path(path).parent):
        os.chmod(folder, os.stat(folder).st_mode | 0o755)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresuid(12345, 12345, 12345)
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        sock.settimeout(10)
        try:
            sock.send(encode({"do": "status"}))
            said = sock.recv(100)
        except ConnectionError:
            said = b""
        os.write(writing, b"got " + said)
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reading, 200) == b"got "


@pytest.mark.host
def test_a_deep_folder_is_no_obstacle(own_host: OwnHost, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    container = Stage(deep).shell("web", FOREVER)
    assert len(container.description["live_dir"]) > 200
    assert container.client.request({"do": "status"})["status"]["state"] == "running"


@pytest.mark.host
@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"do": "dance"}, "does not know"),
        ([1, 2], "does not know"),
        ({"do": "kill", "signal": "SIGNOPE"}, "is not a signal"),
        ({"do": "exec"}, "is not a request"),
        ({"do": "update", "what": "argv", "value": []}, "cannot change"),
        ({"do": "stop", "grace": "soon"}, "is not a request"),
    ],
)
def test_a_bad_request_is_answered_and_harms_nobody(
    own_host: OwnHost, tmp_path: Path, message: object, says: str
) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    with pytest.raises(StackupError, match=says):
        container.client.request(message)  # type: ignore[arg-type]
    assert container.client.request({"do": "status"})["status"]["state"] == "running"
    assert not container.client.request({"do": "status"})["status"]["stopped"]


@pytest.mark.host
def test_noise_on_the_socket_ends_that_connection_only(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    for noise in (b"\xff" * 100, b"\x00\x00\x00\x05\x00\x00{{{{{", b"\x00"):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.path.join(container.description["live_dir"], "control.sock"))
        sock.send(noise)
        sock.close()
    assert container.client.request({"do": "status"})["status"]["state"] == "running"


@pytest.mark.host
def test_watchers_see_every_state_and_the_end(own_host: OwnHost, tmp_path: Path) -> None:
    restart = {"policy": "on-failure", "attempts": 1, "delay": 0, "window": 0}
    container = Stage(tmp_path).shell("web", "read go; exit 3", restart=restart, stdin_open=True)
    seen = []
    with container.client.open() as talk, container.client.open() as other:
        talk.say({"do": "watch"})
        seen.append(talk.hear()["status"]["state"])
        for _ in range(2):
            other.say({"do": "attach", "stdin": True, "once": True})
            _, fds = other.hear_with_descriptors()
            for fd in fds:
                os.close(fd)
            assert other.hear() == {"exit": 3}
            while seen.count("running") + seen.count("exited") < 2 or seen[-1] == "restarting":
                seen.append(talk.hear()["status"]["state"])
        while seen[-1] != "exited":
            seen.append(talk.hear()["status"]["state"])
    assert seen == ["running", "restarting", "running", "exited"]


@pytest.mark.host
def test_a_watcher_that_does_not_read_holds_nobody_up(own_host: OwnHost, tmp_path: Path) -> None:
    health = {"test": ["CMD", "dd", "if=/dev/zero", "bs=4096", "count=1"], "interval": SECOND // 200, "timeout": SECOND,
              "retries": 1, "start_period": 0, "start_interval": 0}  # fmt: skip
    container = Stage(tmp_path).shell("web", FOREVER, health=health)
    with container.client.open() as mute, container.client.open() as other:
        mute.say({"do": "watch"})
        other.say({"do": "watch"})
        for _ in range(40):
            other.hear()
        assert container.stop() == {"exit": 0}
