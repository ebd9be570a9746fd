"""Watching: what is saved here is there, with the owner of the service; rebuilds, restarts and programs follow."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow, pytest.mark.deadline(120)]
STACK = """\
name: w
services:
  web:
    build: {context: ., dockerfile_inline: "FROM host\\nCOPY base /base\\nCOPY src /app\\n"}
    user: "1000:1001"
    network_mode: none
    command: [sh, -c, "trap 'exit 0' TERM; echo begun $$(cat /base); while :; do sleep 1 & wait $$!; done"]
    develop:
      watch:
        - {path: ./src, action: sync, target: /app, ignore: ["*.tmp"]}
        - {path: ./base, action: rebuild}
        - {path: ./conf, action: sync+restart, target: /conf}
        - {path: ./run, action: sync+exec, target: /run2, initial_sync: true, exec: {command: [cat, /run2/r]}}
"""


def until(true: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.01)


class Session:
    def __init__(self, machine: Machine, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.machine, self.folder, self.process = machine, folder, process

    @property
    def log(self) -> str:
        return (self.folder.parent / "log").read_text()

    def said(self, text: str, times: int = 1) -> None:
        until(lambda: self.log.count(text) >= times or self.process.poll() is not None, lambda: self.log)
        assert self.log.count(text) >= times, self.log

    def inside(self, *words: str) -> str:
        return self.machine.typed("exec", "-T", "web", *words, cwd=self.folder, code=None).stdout

    def there(self, path: str, text: str) -> None:
        until(lambda: self.inside("cat", path) == text, lambda: f"{path} is not {text!r}\n{self.log}")


@contextmanager
def watching(machine: Machine, *words: str) -> Iterator[Session]:
    folder = machine.folder / "w"
    for name in ("src", "run"):
        (folder / name).mkdir(parents=True)
    (folder / "stack.yaml").write_text(STACK)
    (folder / "base").write_text("one")
    (folder / "src/a").write_text("a")
    (folder / "run/r").write_text("first run\n")
    with (machine.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            machine.command(words),
            cwd=folder,
            env=machine.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    session = Session(machine, folder, process)
    try:
        session.said("Watch enabled")
        yield session
    finally:
        process.kill() if process.poll() is None else None
        process.wait()
        machine.typed("down", "-t", "1", cwd=folder)


def test_files_reach_the_container_and_leave_it(machine: Machine) -> None:
    with watching(machine, "watch") as session:
        assert session.inside("cat", "/run2/r") == "first run\n"
        (session.folder / "src/deep").mkdir()
        (session.folder / "src/deep/.b.new").write_text("b")
        (session.folder / "src/x.tmp").write_text("no")
        os.rename(session.folder / "src/deep/.b.new", session.folder / "src/deep/b")
        session.there("/app/deep/b", "b")
        assert session.inside("stat", "-c", "%u:%g", "/app/deep/b", "/app/deep") == "1000:1001\n1000:1001\n"
        (session.folder / "src/a").unlink()
        until(lambda: session.inside("ls", "/app").split() == ["deep"], lambda: session.log)
        (session.folder / "run/r").write_text("second run\n")
        session.said("second run")
        session.process.send_signal(signal.SIGINT)
        assert session.process.wait(30) == 130
        assert "Traceback" not in session.log
        assert session.inside("cat", "/app/deep/b") == "b", "the containers go on running"


def test_rebuilds_and_restarts_go_on_with_their_output(machine: Machine) -> None:
    with watching(machine, "up", "--watch") as session:
        session.said("begun one")
        (session.folder / "base").write_text("two")
        session.said("begun two")
        assert session.inside("cat", "/run2/r") == "first run\n", "initial_sync holds for the new container as well"
        (session.folder / "conf").write_text("c")
        session.said("begun two", times=2)
        session.there("/conf", "c")
        (session.folder / "base").unlink()
        session.said("error")
        (session.folder / "base").write_text("three")
        session.said("begun three")
        session.process.send_signal(signal.SIGINT)
        assert session.process.wait(60) == 130
        assert "Traceback" not in session.log
        assert machine.stackup("ps", "-q", cwd=session.folder) == ""


def test_a_mount_in_the_container_is_not_replaced(machine: Machine) -> None:
    with watching(machine, "watch") as session:
        pid = next(
            name for name in os.listdir("/proc") if name.isdigit() and "echo begun" in _words(name) and _is_apart(name)
        )
        root = Path(f"/proc/{pid}/root")
        (root / "app/held").mkdir()
        (root / "app/held/kept").write_text("kept")
        subprocess.run(["nsenter", "-t", pid, "-m", "mount", "--bind", "/app/held", "/app/held"], check=True)
        (session.folder / "src/held").write_text("mine")
        session.said("a mount is there")
        assert (root / "app/held/kept").read_text() == "kept"
        (session.folder / "src/held").unlink()
        session.said("a mount is there", times=2)
        assert (root / "app/held/kept").read_text() == "kept"


def _words(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _is_apart(pid: str) -> bool:
    try:
        return os.stat(f"/proc/{pid}/root").st_ino != os.stat("/").st_ino
    except OSError:
        return False


def test_without_rules_it_says_so(machine: Machine) -> None:
    (machine.folder / "stack.yaml").write_text("name: n\nservices: {web: {image: host}}\n")
    done = machine.typed("watch", code=1)
    assert "none of the selected services is configured for watch" in done.stderr
    refused = machine.typed("up", "-d", "--watch", code=1)
    assert "--watch needs the foreground" in refused.stderr
