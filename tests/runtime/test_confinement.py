"""The filter and the order of letting go: as root, as a user, with init, in exec, against the real kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stackup.kernel import abi, calls
from stackup.runtime.privileges import DEFAULT
from stackup.runtime.seccomp.filters import Filters
from tests.runtime.box import Box, exec_in, process

pytestmark = [pytest.mark.host, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
STATE = "grep -E '^(Cap|Seccomp:|NoNew)' /proc/self/status"
NONE = "0000000000000000"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.fixture
def strict(tmp_path: Path) -> str:
    return Filters().write(str(tmp_path / "live"), "", DEFAULT)


def state(text: str) -> dict[str, str]:
    return {name.rstrip(":"): value for name, value in (line.split() for line in text.splitlines() if ":\t" in line)}


@pytest.mark.parametrize("user", ["", "web", "4321:4321"])
@pytest.mark.parametrize("no_new_privs", [True, False])
@pytest.mark.parametrize("init", [True, False])
def test_a_program_has_the_filter_and_nothing_that_was_kept_for_it(
    box: Box, strict: str, user: str, no_new_privs: bool, init: bool
) -> None:
    seen = box.sh(STATE, user=user, no_new_privs=no_new_privs, seccomp=strict, init=init)
    found = state(seen.out)
    assert found["Seccomp"] == "2", seen
    assert found["NoNewPrivs"] == str(int(no_new_privs))
    assert found["CapEff"] == found["CapPrm"] == (NONE if user else "00000000a80425fb")
    assert found["CapBnd"] == "00000000a80425fb"
    assert found["CapInh"] == found["CapAmb"] == NONE


def test_our_own_first_process_keeps_no_power_either(box: Box, strict: str) -> None:
    seen = box.sh("grep -E '^Cap' /proc/1/status", user="web", seccomp=strict, init=True)
    assert state(seen.out)["CapPrm"] == state(seen.out)["CapEff"] == NONE


def test_exec_has_it_too(box: Box, strict: str) -> None:
    with box.start(process("sleep", "1000", seccomp=strict)) as running:
        assert running.started() == {}
        for user in ("", "web"):
            assert state(exec_in(running, "sh", "-c", STATE, user=user, seccomp=strict).out)["Seccomp"] == "2"
        assert exec_in(running, "unshare", "-m", "true", seccomp=strict).code != 0
        assert exec_in(running, "unshare", "-U", "true", seccomp=strict).code != 0


def test_a_profile_cannot_stop_our_own_steps(box: Box, tmp_path: Path) -> None:
    """One that refuses what set-up itself calls, such as setuid and capset, is loaded after it."""
    refused = ["capset", "setresuid", "setresgid", "setgroups", "prctl", "close_range", "openat2", "rt_sigaction"]
    rule = {"names": refused, "action": "SCMP_ACT_ERRNO"}
    profile = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})
    path = Filters().write(str(tmp_path / "own"), profile, DEFAULT)
    for user in ("", "web"):
        seen = box.run("grep", "Seccomp:", "/proc/self/status", user=user, seccomp=path)
        assert seen.out == "Seccomp:\t2\n", seen


def test_a_filter_that_is_gone_keeps_the_program_from_starting(box: Box, tmp_path: Path) -> None:
    seen = box.run("true", seccomp=str(tmp_path / "none"))
    assert seen.code == 126
    assert "filter of system calls" in seen.report["message"]


def test_the_kernel_takes_it_and_refuses_what_it_says(strict: str) -> None:
    """In a child of ours, whose calls are made directly."""
    code = Path(strict).read_bytes()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            calls.prctl(abi.PR_SET_NO_NEW_PRIVS, 1)
            calls.load_filter(code)
            os.write(
                writing, f"{asked('unshare', 0x10000000)} {asked('clone3')} {asked('keyctl')} {asked('new')}".encode()
            )
        finally:
            os._exit(0)
    os.close(writing)
    said = os.read(reading, 100).decode()
    os.close(reading)
    os.waitpid(child, 0)
    assert said == "1 38 1 38"


def asked(name: str, first: int = 0) -> int:
    import ctypes

    from stackup.kernel import syscalls

    number = 600 if name == "new" else syscalls.table(os.uname().machine)[name][0]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(ctypes.c_long(number), ctypes.c_long(first), 0, 0, 0, 0)
    return ctypes.get_errno()
