"""Runs a test's body on a host of its own: a forked child that is process 1 of new network, mount, pid, uts and ipc
namespaces, and if asked for of a cgroup namespace whose root is a group made for it.

Links, nftables rules, mounts, sysctls of the network and every process that the body starts end with it, also when it
fails, hangs or crashes. The failure comes back as text. Folders outside are shared; mounts in them are not.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from stackup.errors import KernelError
from stackup.kernel import abi, calls, netns

NAMESPACES = abi.CLONE_NEWNET | abi.CLONE_NEWNS | abi.CLONE_NEWUTS | abi.CLONE_NEWIPC | abi.CLONE_NEWPID
CGROUPS = "/sys/fs/cgroup"
OWN_TMPFS = ("/run", "/dev/shm")
"""Where programs leave things, and where others on this machine do so at the same time."""


class Groups:
    """A control group for one host in every hierarchy, removed from outside when the host is gone."""

    def __init__(self) -> None:
        self.name = f"stackup-test-{os.getpid()}-{time.monotonic_ns()}"
        self.hierarchies = [fields for fields in map(str.split, _mounts()) if fields[2] in {"cgroup", "cgroup2"}]

    def make(self) -> None:
        for fields in self.hierarchies:
            group = Path(fields[1], self.name)
            if fields[2] == "cgroup2":
                _hand_down(group.parent)
            group.mkdir()
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (group / file).exists() and fields[2] == "cgroup":
                    (group / file).write_text((group.parent / file).read_text())

    def enter(self) -> None:
        for fields in self.hierarchies:
            Path(fields[1], self.name, "cgroup.procs").write_text(str(os.getpid()))

    def settle(self) -> None:
        """Version 2 wants no processes in a group that has children with controllers: into a leaf."""
        for fields in self.hierarchies:
            if fields[2] == "cgroup2":
                leaf = Path(fields[1], self.name, "init")
                leaf.mkdir()
                (leaf / "cgroup.procs").write_text(str(os.getpid()))

    def mount(self) -> None:
        """The hierarchies as they were, each with this namespace's root."""
        if not any(fields[1] == CGROUPS for fields in self.hierarchies):
            calls.mount("tmpfs", CGROUPS, "tmpfs", 0, "mode=755")
        for _, target, kind, options, *_ in self.hierarchies:
            os.makedirs(target, exist_ok=True)
            wanted = [
                word for word in options.split(",") if word not in {"rw", "ro", "relatime", "nosuid", "noexec", "nodev"}
            ]
            calls.mount(kind, target, kind, 0, ",".join(wanted) if kind == "cgroup" else "")

    def remove(self) -> None:
        """Thaws first: a frozen task of a version 1 group does not die. Then from the leaves up, until they are free."""
        for fields in self.hierarchies:
            top, deadline = Path(fields[1], self.name), time.monotonic() + 10
            for state in top.rglob("freezer.state"):
                state.write_text("THAWED")
            while top.is_dir() and time.monotonic() < deadline:
                for group in [*sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True), top]:
                    with suppress(OSError):
                        group.rmdir()


def _hand_down(group: Path) -> None:
    """systemd enables a controller at the top when a unit asks for it; a host of its own has all of them."""
    for controller in (group / "cgroup.controllers").read_text().split():
        (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _mounts() -> list[str]:
    return Path("/proc/self/mounts").read_text().splitlines()


def run_apart(body: Callable[[], object], *, deadline_s: float = 60.0, cgroups: bool = False) -> str:
    """The failure's text, empty when the body passed, `skip:` and a reason when it cannot run here."""
    groups = Groups() if cgroups else None
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if groups:
            groups.make()
        outer = _fork()
        if outer == 0:
            os.close(reading)
            _outer(body, writing, groups)
        os.close(writing)
        return _collect(reading, outer, deadline_s)
    finally:
        os.close(reading)
        if groups:
            groups.remove()


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork beside xdist's receiver thread
        return os.fork()


def _collect(reading: int, outer: int, deadline_s: float) -> str:
    pidfd = os.pidfd_open(outer)
    try:
        ended, _, _ = select.select([pidfd], [], [], deadline_s)
        if not ended:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        _, status = os.waitpid(outer, 0)
    finally:
        os.close(pidfd)
    os.set_blocking(reading, False)
    try:
        text = os.read(reading, 1 << 20).decode(errors="replace")
    except BlockingIOError:
        text = ""
    if not ended:
        return f"the body did not end within {deadline_s:.0f} s\n{text}"
    if status and not text:
        return f"the body's process ended with wait status {status}"
    return text


def _outer(body: Callable[[], object], writing: int, groups: Groups | None) -> None:
    """Makes the namespaces and waits for process 1; dies with it, and it dies with this one."""
    code = 1
    try:
        if groups:
            groups.enter()
        calls.unshare(NAMESPACES | (abi.CLONE_NEWCGROUP if groups else 0))
        if groups:
            groups.settle()
        inner = os.fork()
        if inner == 0:
            calls.prctl(abi.PR_SET_PDEATHSIG, signal.SIGKILL)
            _inner(body, writing, groups)
        _, status = os.waitpid(inner, 0)
        code = 0 if status == 0 else 1
    except KernelError as error:
        os.write(writing, f"skip:no namespaces here: {error}".encode())
        code = 0
    except BaseException:
        os.write(writing, traceback.format_exc().encode()[-60000:])
    finally:
        os._exit(code)


def _inner(body: Callable[[], object], writing: int, groups: Groups | None) -> None:
    code = 1
    try:
        calls.mount("none", "/", "", abi.MS_REC | abi.MS_PRIVATE)
        calls.mount("proc", "/proc", "proc", abi.MS_NOSUID | abi.MS_NODEV | abi.MS_NOEXEC)
        calls.mount("sysfs", "/sys", "sysfs", abi.MS_NOSUID | abi.MS_NODEV | abi.MS_NOEXEC)
        if groups:
            groups.mount()
            for folder in OWN_TMPFS:
                calls.mount("tmpfs", folder, "tmpfs", abi.MS_NOSUID | abi.MS_NODEV)
        netns.loopback_up()
        body()
        code = 0
    except pytest.skip.Exception as skipped:
        os.write(writing, f"skip:{skipped}".encode())
        code = 0
    except BaseException:
        os.write(writing, traceback.format_exc().encode()[-60000:])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
