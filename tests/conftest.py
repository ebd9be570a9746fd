"""`own_host`: the test's body runs on a host of its own that vanishes with it.

A test that asks for the fixture `own_host` runs in a forked child which is process 1 of new network, mount, pid, uts and
ipc namespaces: links, nftables rules, mounts, sysctls of the network and every process started in it end when it ends,
also when the test fails, hangs (the child is killed after `DEADLINE_S`) or crashes. Fixtures are made outside, in pytest's own
process; the body runs inside and its failure comes back as text. /proc and /sys are mounted anew, loopback is up.
Without root the test is skipped with the reason. Folders under `tmp_path` are shared with the outside; mounts in them are not.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
import warnings
from pathlib import Path

import pytest

from stackup.errors import KernelError
from stackup.kernel import abi, calls, cgroupfs, netns, proc

DEADLINE_S = 60.0
_NAMESPACES = abi.CLONE_NEWNET | abi.CLONE_NEWNS | abi.CLONE_NEWUTS | abi.CLONE_NEWIPC | abi.CLONE_NEWPID


class OwnHost:
    """What a test body knows about where it runs; empty on purpose: the namespaces are the point."""


@pytest.fixture
def own_host() -> OwnHost:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return OwnHost()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if "own_host" not in pyfuncitem.fixturenames:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    report = _run_apart(lambda: pyfuncitem.obj(**arguments))
    if report.startswith("skip:"):
        pytest.skip(report[5:])
    if report:
        pytest.fail(report, pytrace=False)
    return True


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork beside xdist's receiver thread
        return os.fork()


def _run_apart(body) -> str:
    """The failure's text, empty when the body passed."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    outer = _fork()
    if outer == 0:
        os.close(reading)
        _outer(body, writing)
    os.close(writing)
    try:
        return _collect(reading, outer)
    finally:
        os.close(reading)
        _remove_groups(f"stackup-test-{outer}")


def _collect(reading: int, outer: int) -> str:
    pidfd = os.pidfd_open(outer)
    try:
        ended, _, _ = select.select([pidfd], [], [], DEADLINE_S)
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
        return f"the body did not end within {DEADLINE_S:.0f} s\n{text}"
    if status and not text:
        return f"the body's process ended with wait status {status}"
    return text


def _outer(body, writing: int) -> None:
    """Makes the namespaces and waits for process 1; dies with it, and it dies with this one."""
    code = 1
    try:
        name = f"stackup-test-{os.getpid()}"
        calls.unshare(_NAMESPACES)
        inner = os.fork()
        if inner == 0:
            calls.prctl(abi.PR_SET_PDEATHSIG, signal.SIGKILL)
            _inner(body, writing, name)
        _, status = os.waitpid(inner, 0)
        code = 0 if status == 0 else 1
    except KernelError as error:
        os.write(writing, f"skip:no namespaces here: {error}".encode())
        code = 0
    finally:
        os._exit(code)


def _fresh_sysfs(name: str) -> None:
    """Of this network namespace; where the machine's control groups were, one of each that is this test's own."""
    here = os.open("/", os.O_PATH)
    groups = calls.open_tree(here, "/sys/fs/cgroup", abi.OPEN_TREE_CLONE | abi.AT_RECURSIVE)
    calls.mount("sysfs", "/sys", "sysfs", abi.MS_NOSUID | abi.MS_NODEV | abi.MS_NOEXEC)
    calls.move_mount(groups, "", here, "/sys/fs/cgroup", abi.MOVE_MOUNT_F_EMPTY_PATH)
    os.close(groups)
    os.close(here)
    for place in _hierarchies():
        own = os.path.join(place, name)
        os.mkdir(own)
        for setting in ("cpuset.cpus", "cpuset.mems"):  # a new group of v1 has none, and takes no process without
            if os.path.exists(os.path.join(own, setting)) and not os.path.exists(f"{own}/cgroup.controllers"):
                Path(own, setting).write_text(Path(place, setting).read_text())
        calls.mount(own, place, "", abi.MS_BIND)


def _hierarchies() -> list[str]:
    return [mount.place for mount in proc.mounts() if mount.fstype in ("cgroup", "cgroup2")]


def _remove_groups(name: str) -> None:
    """Their processes died with the test's pid namespace; a group is busy until the last of them is reaped."""
    cgroupfs.remove([os.path.join(place, name) for place in _hierarchies()])


def _inner(body, writing: int, name: str) -> None:
    code = 1
    try:
        calls.mount("none", "/", "", abi.MS_REC | abi.MS_PRIVATE)
        calls.mount("proc", "/proc", "proc", abi.MS_NOSUID | abi.MS_NODEV | abi.MS_NOEXEC)
        _fresh_sysfs(name)
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
