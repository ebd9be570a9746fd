"""A container for tests: a busybox root beneath a test's own folder, started through clone3 and `become`.

`Box(tmp_path)` makes the image; `box.run("sh", "-c", ...)` runs one program to its end and gives its exit code, output
and report. Everything lives in namespaces that end with the process, which is killed when the block ends.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stackup.kernel import calls
from stackup.runtime import bootstrap, namespaces
from stackup.runtime.description import Description, Namespaces, Process
from stackup.runtime.devices import default_devices
from stackup.runtime.privileges import DEFAULT
from stackup.runtime.rootfs import Layers, RootPlan, operations
from stackup.runtime.spec import Mount

DEADLINE = 20.0
PRIVATE: Namespaces = {"net": "", "pid": "", "ipc": "", "uts": "", "cgroup": ""}


def mount(kind: str, source: Path | str = "", **changes: Any) -> Mount:
    plain: Mount = {
        "type": kind, "source": str(source), "read_only": False, "create": False, "nocopy": False, "subpath": "",
        "propagation": "", "recursive": "", "size": 0, "mode": 0,
    }  # type: ignore[typeddict-item]  # fmt: skip
    return {**plain, **changes}  # type: ignore[typeddict-item]


def process(*argv: str, **changes: Any) -> Process:
    plain: Process = {
        "argv": list(argv), "env": {"PATH": "/bin"}, "cwd": "/", "user": "", "groups": [],
        "capabilities": list(DEFAULT), "no_new_privs": False, "rlimits": {}, "oom_score_adj": 0,
    }  # fmt: skip
    return {**plain, **changes}  # type: ignore[typeddict-item]


@dataclass
class Result:
    code: int
    out: str
    report: dict[str, Any] = field(default_factory=dict)


@dataclass
class Running:
    """A started child; `report_fd` and `out_fd` are our ends of its pipes."""

    pid: int
    pidfd: int
    out_fd: int
    report_fd: int
    tty: int = -1

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            self.wait()
        for fd in (self.pidfd, self.out_fd, self.report_fd, self.tty):
            if fd >= 0:
                os.close(fd)

    def wait(self) -> int:
        ready, _, _ = select.select([self.pidfd], [], [], DEADLINE)
        assert ready, "the container did not end in time"
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.pid = 0
        return 128 - code if code < 0 else code

    def started(self) -> dict[str, Any]:
        """Wait until the program runs (an empty report) or the set-up failed."""
        text = drain(self.report_fd)
        return json.loads(text) if text else {}

    def line(self) -> str:
        """One line of output."""
        found = b""
        while not found.endswith(b"\n"):
            assert select.select([self.out_fd], [], [], DEADLINE)[0], f"no line in time, only {found!r}"
            piece = os.read(self.out_fd, 1)
            assert piece, f"output ended after {found!r}"
            found += piece
        return found.decode().rstrip("\n")

    def result(self) -> Result:
        report, out = self.started(), drain(self.out_fd)
        return Result(self.wait(), out, report)


def drain(fd: int) -> str:
    found, end = b"", time.monotonic() + DEADLINE
    while True:
        assert select.select([fd], [], [], max(0.0, end - time.monotonic()))[0], f"no end in time, only {found!r}"
        try:
            piece = os.read(fd, 65536)
        except OSError:  # a terminal whose other end closed says EIO
            piece = b""
        if not piece:
            return found.decode(errors="replace")
        found += piece


class Box:
    """`image` is the lowest layer and may be spoilt before the first run; `upper` is where changes go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image, self.upper, self.work, self.merged = (
            folder / name for name in ("image", "upper", "work", "merged")
        )
        for path in (self.image, self.upper, self.work, self.merged):
            path.mkdir()
            path.chmod(0o755)
        for name in ("bin", "etc", "tmp", "proc", "sys", "dev"):
            (self.image / name).mkdir()
        shutil.copy("/bin/busybox", self.image / "bin/busybox")
        for name in ("sh", "cat", "ls", "id", "true", "stat", "mount", "mknod", "sleep", "umount", "grep", "pwd",
                     "hostname", "touch", "env", "tty", "stty", "head", "readlink", "dd", "echo", "ps", "kill", "mkdir", "tr", "unshare"):  # fmt: skip
            (self.image / "bin" / name).symlink_to("busybox")
        (self.image / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv/web:/bin/sh\n")
        (self.image / "etc/group").write_text("root:x:0:\nweb:x:34:\nextra:x:50:web\nlogs:x:60:other,web\n")
        self.plan = RootPlan(
            layers=Layers((str(self.image),), str(self.upper), str(self.work)),
            merged=str(self.merged),
            devices=default_devices(),
            hostname="box",
        )

    def change(self, **changes: Any) -> Box:
        self.plan = replace(self.plan, **changes)
        return self

    def description(self, what: Process, **changes: Any) -> Description:
        found: dict[str, Any] = {
            "namespaces": PRIVATE, "operations": operations(self.plan), "process": what, "init": False,
            "tty": self.plan.tty, "cgroups": [],
        }  # fmt: skip
        return {**found, **changes}  # type: ignore[typeddict-item, return-value]

    def start(self, what: Process, *, go_fd: int | None = None, **changes: Any) -> Running:
        description = self.description(what, **changes)

        def inside(report: int, tty: int | None) -> None:
            bootstrap.become(description, report_fd=report, tty_fd=tty, go_fd=go_fd)

        return spawn(lambda: namespaces.clone_child(description), inside, tty=self.plan.tty)

    def run(self, *argv: str, **changes: Any) -> Result:
        outer = {key: changes.pop(key) for key in ("init", "namespaces", "cgroups") if key in changes}
        with self.start(process(*argv, **changes), **outer) as running:
            return running.result()

    def sh(self, script: str, **changes: Any) -> Result:
        return self.run("sh", "-c", script, **changes)


def spawn(clone: Any, inside: Any, *, tty: bool = False) -> Running:
    out, out_inner = os.pipe()
    report, report_inner = os.pipe()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(DEADLINE)
        pid, pidfd = clone()
        if pid == 0:
            try:
                null = os.open("/dev/null", os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(out_inner, 1)
                os.dup2(out_inner, 2)
                inside(report_inner, theirs.fileno() if tty else None)
            finally:
                os._exit(99)
        os.close(out_inner)
        os.close(report_inner)
        running = Running(pid, pidfd, out, report)
        if tty:
            theirs.close()
            fds = socket.recv_fds(ours, 1, 1)[1]
            if fds:
                running.tty = fds[0]
        return running


def join(running: Running, what: Process, *, cgroups: list[str] | None = None, tty: bool = False) -> Running:
    def inside(report: int, tty_fd: int | None) -> None:
        bootstrap.join(what, init_pidfd=running.pidfd, cgroups=cgroups or [], report_fd=report, tty_fd=tty_fd)

    return spawn(lambda: namespaces.clone_joined(running.pidfd), inside, tty=tty)


def exec_in(running: Running, *argv: str, **changes: Any) -> Result:
    with join(running, process(*argv, **changes)) as inner:
        return inner.result()


def host_mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


__all__ = ["Box", "Result", "Running", "calls", "drain", "exec_in", "host_mounts", "join", "mount", "process", "spawn"]
