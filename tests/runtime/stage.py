"""Containers under real monitors for tests: `Stage(tmp_path)` describes and launches them; a test asks for `own_host` too.

Everything runs in the test's own pid namespace, so a monitor that a test leaves behind ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path
from typing import Any

from stackup.errors import StackupError
from stackup.kernel import proc
from stackup.runtime import logs, record
from stackup.runtime.client import Client
from stackup.runtime.description import Description, Status
from stackup.runtime.launch import Launcher
from tests.runtime.box import Box, process

DEADLINE_S = 20.0
SECOND = 1_000_000_000
FOREVER = "trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait $!; done"


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.launcher = Launcher()
        self.monitors: list[dict[str, int]] = []

    def description(self, name: str, *argv: str, tty: bool = False, **changes: Any) -> Description:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        box = Box(home).change(tty=tty, own_network=True)
        found = box.description(
            process(*argv), stack="t", address=f"container/{name}", name=name, instance="i1",
            state_dir=str(home / "state"), live_dir=str(home / "live"), tty=tty, stdin_open=False, monitor_cgroups=[],
            restart={"policy": "no", "attempts": 0, "delay": 0, "window": 0}, health=None,
            stop={"signal": "SIGTERM", "grace": 10 * SECOND}, log={"driver": "json-file"}, ports=[], resolver=None,
        )  # fmt: skip
        (home / "state").mkdir()
        (home / "live").mkdir()
        return {**found, **changes}  # type: ignore[typeddict-item]

    def launch(self, *descriptions: Description) -> dict[str, Status | StackupError]:
        found = dict(self.launcher.launch(list(descriptions), limit_s=DEADLINE_S))
        for value in found.values():
            if not isinstance(value, StackupError):
                self.monitors.append(dict(value["monitor"]))
        return found

    def start(self, name: str, *argv: str, **changes: Any) -> Container:
        description = self.description(name, *argv, **changes)
        status = self.launch(description)[description["address"]]
        if isinstance(status, StackupError):
            raise status
        return Container(description, status)

    def shell(self, name: str, script: str, **changes: Any) -> Container:
        """FOREVER is waited for: PID 1 ignores a signal that it has no handler for yet."""
        container = self.start(name, "sh", "-c", script, **changes)
        if FOREVER in script:
            container.line(b"up")
        return container


class Container:
    def __init__(self, description: Description, status: Status) -> None:
        self.description = description
        self.first = status
        self.client = Client(description["live_dir"])
        self.state_dir = description["state_dir"]

    @property
    def status(self) -> Status:
        found = record.observe_status(self.state_dir)
        assert found is not None
        return found

    def until(self, *states: str) -> Status:
        """Wait for the monitor to say one of these; the file has the last word when it is gone."""
        try:
            for status in self.client.watch(limit_s=DEADLINE_S):
                if status["state"] in states:
                    return status
        except StackupError:
            pass
        self.wait_monitor()
        assert self.status["state"] in states, self.status
        return self.status

    def wait_monitor(self) -> None:
        wait_gone(self.first["monitor"]["pid"], self.first["monitor"]["start"])

    def kill_monitor(self) -> None:
        pidfd = proc.open_process(self.first["monitor"]["pid"], self.first["monitor"]["start"])
        assert pidfd is not None
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        self.wait_monitor()

    def stop(self, **message: Any) -> dict[str, Any]:
        return self.client.request({"do": "stop", **message}, limit_s=DEADLINE_S)

    def entries(self, **asked: Any) -> list[tuple[int, bytes, bytes]]:
        return list(logs.read(self.state_dir, **asked))

    def output(self, stream: bytes = b"stdout") -> bytes:
        return b"".join(data for _, where, data in self.entries() if where == stream)

    def line(self, wanted: bytes) -> None:
        """Wait until the container has written this line."""
        follow = logs.Follow([self.state_dir], deadline=time.monotonic() + DEADLINE_S)
        for _, entries in follow:
            if any(wanted in data for _, _, data in entries):
                follow.close()
                return
        raise AssertionError(f"{wanted!r} was never written, only {self.entries()!r}")


def wait_gone(pid: int, start: int) -> None:
    pidfd = proc.open_process(pid, start)
    if pidfd is not None:
        ready, _, _ = select.select([pidfd], [], [], DEADLINE_S)
        os.close(pidfd)
        assert ready, f"process {pid} is still there"
