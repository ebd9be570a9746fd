"""Looks from outside into a real container: what counts as well, what does not, and that nothing runs in it for them."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from stackup.kernel import netns
from stackup.runtime import health as rules
from stackup.runtime.description import Health, HealthStatus
from stackup.runtime.loop import Loop
from stackup.runtime.signs import Sign, socket_name
from tests.conftest import OwnHost
from tests.runtime.stage import DEADLINE_S, FOREVER, SECOND, Container, Stage


def asks(*test: str, **changes: int) -> Health:
    plain = {"test": list(test), "interval": SECOND // 10, "timeout": SECOND, "retries": 1, "start_period": 60 * SECOND,
             "start_interval": SECOND // 20}  # fmt: skip
    return {**plain, **changes}  # type: ignore[typeddict-item, return-value]


def until(container: Container, wanted: str) -> HealthStatus:
    for status in container.client.watch(limit_s=DEADLINE_S):
        if status["health"] and status["health"]["status"] == wanted:
            return status["health"]
    raise AssertionError(f"never {wanted}: {container.status}")


def said(container: Container, wanted: str) -> str:
    return until(container, wanted)["log"][-1]["output"]


def served(folder: Path, script: str, health: Health, **changes: Any) -> Container:
    """busybox itself is the server; the stage's image has it under no name of its own."""
    stage = Stage(folder)
    description = stage.description("web", "sh", "-c", f"{script}\n{FOREVER}", health=health, **changes)
    shutil.copy("/bin/busybox", folder / "web/image/bin/nc")
    shutil.copy("/bin/busybox", folder / "web/image/bin/httpd")
    return Container(description, stage.launch(description)[description["address"]])  # type: ignore[arg-type]


@pytest.mark.host
def test_a_port_is_ready_when_it_takes_connections(own_host: OwnHost, tmp_path: Path) -> None:
    container = served(tmp_path, "sleep 0.3; nc -ll -p 5432 -e true &", asks("stackup:tcp", "5432"))
    assert said(container, "healthy") == "port 5432 takes connections"
    assert container.status["health"]["log"][0]["output"] == "port 5432: connection refused"  # type: ignore[index]


@pytest.mark.host
def test_a_port_of_the_host_is_not_the_containers(own_host: OwnHost, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        container = served(tmp_path, "true", asks("stackup:tcp", port, start_period=1))
        assert said(container, "unhealthy") == f"port {port}: connection refused"


@pytest.mark.host
def test_an_answer_of_http_counts_below_400(own_host: OwnHost, tmp_path: Path) -> None:
    script = "mkdir /tmp/www; echo fine > /tmp/www/ok; httpd -p 8080 -h /tmp/www"
    container = served(tmp_path, script, asks("stackup:http", "8080", "/ok"))
    assert said(container, "healthy").endswith(" 200 OK")
    value = asks("stackup:http", "8080", "/missing", start_period=1)
    container.client.request({"do": "update", "what": "health", "value": value})
    assert "404" in said(container, "unhealthy")


@pytest.mark.host
def test_who_never_answers_is_given_up_and_asked_again(own_host: OwnHost, tmp_path: Path) -> None:
    health = asks("stackup:http", "8080", "/", timeout=SECOND // 5, start_period=1)
    container = served(tmp_path, "nc -ll -p 8080 -e sleep 1000 &", health)
    found = until(container, "unhealthy")
    assert found["log"][-1]["exit_code"] == rules.TIMED_OUT
    assert "longer than 0.2s" in found["log"][-1]["output"]


@pytest.mark.host
def test_a_file_is_looked_for_beneath_the_root_whatever_the_links_say(own_host: OwnHost, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("")
    script = f"ln -s {tmp_path}/outside /tmp/trap; echo up; sleep 0.3; echo > /tmp/there; ln -s /tmp/there /tmp/ready"
    script = script.replace("ln ", "busybox ln ")
    stage = Stage(tmp_path)
    description = stage.description(
        "web", "sh", "-c", f"{script}; {FOREVER}", health=asks("stackup:file", "/tmp/ready")
    )
    (tmp_path / "web/image/bin/busybox").chmod(0o755)
    container = Container(description, stage.launch(description)[description["address"]])  # type: ignore[arg-type]
    assert said(container, "healthy") == "/tmp/ready is there"
    value = asks("stackup:file", "/tmp/trap", start_period=1)
    container.client.request({"do": "update", "what": "health", "value": value})
    assert said(container, "unhealthy") == "/tmp/trap: no such file"


@pytest.mark.host
def test_a_text_in_the_output_is_a_sign_once_a_run(own_host: OwnHost, tmp_path: Path) -> None:
    restart = {"policy": "always", "attempts": 0, "delay": 1, "window": 0}
    script = "printf 'now re'; sleep 0.1; echo 'ady to go'; sleep 0.3; exit 1"
    container = Stage(tmp_path).start(
        "web", "sh", "-c", script, health=asks("stackup:log", "ready to"), restart=restart
    )
    assert said(container, "healthy") == "now ready to go"
    until(container, "starting")
    assert said(container, "healthy") == "now ready to go"


@pytest.mark.host
def test_a_message_to_the_notify_socket_is_a_sign(own_host: OwnHost, tmp_path: Path) -> None:
    pin = str(tmp_path / "netns")
    netns.create(pin)
    namespaces = {"net": pin, "pid": "", "ipc": "", "uts": "", "cgroup": ""}
    container = Stage(tmp_path).shell("web", FOREVER, health=asks("stackup:notify"), namespaces=namespaces)
    ns_fd = netns.open_pin(pin)
    with netns.socket_in(ns_fd, socket.AF_UNIX, socket.SOCK_DGRAM) as program:
        where = f"\0{socket_name('i1')}"
        program.sendto(b"STATUS=warming up\nNOTREADY=1", where)
        program.sendto(b"READY=1\nSTATUS=here we are\n", where)
        assert said(container, "healthy") == "here we are"
    os.close(ns_fd)
    container.client.request({"do": "update", "what": "health", "value": asks("stackup:notify")})
    assert said(container, "healthy") == "it ran already when this was asked"


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_text_is_found_however_it_is_cut(size: int) -> None:
    data = b"first\nnot yet re\nI am ready, says web\nmore\n"
    sign = Sign(Loop())
    sign.listen("ready, says")
    for at in range(0, len(data), size):
        sign.hear(b"stdout", data[at : at + size])
        sign.hear(b"stderr", b"ready")
    assert "ready, says" in sign.told
    assert "first" not in sign.told


def test_output_without_end_is_not_kept_for_a_sign() -> None:
    sign = Sign(Loop())
    sign.listen("never")
    for _ in range(100):
        sign.hear(b"stdout", b"x" * 100_000)
    assert sum(map(len, sign._tails.values())) < 10
