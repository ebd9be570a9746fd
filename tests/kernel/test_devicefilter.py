"""Rules for devices as a program: what the kernel lets a process open in a group that has one."""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Iterator

import pytest

from stackup.errors import KernelError
from stackup.kernel import devicefilter, proc

NULL, ZERO, URANDOM = "/dev/null", "/dev/zero", "/dev/urandom"


def test_a_rule_that_covers_everything_has_no_tests() -> None:
    code = devicefilter.compile_rules(["a *:* rwm"])
    assert [struct.unpack_from("=B", code, at)[0] for at in range(0, len(code), 8)][-4:] == [0xB7, 0x95, 0xB7, 0x95]


def test_jumps_lead_to_the_next_rule() -> None:
    code = devicefilter.compile_rules(["c 1:3 r", "b 8:* m"])
    words = [struct.unpack_from("=BBhi", code, at) for at in range(0, len(code), 8)]
    ends = [at for at, word in enumerate(words) if word[0] == 0x95]
    jumps = [(at, at + 1 + word[2]) for at, word in enumerate(words) if word[0] in (0x55, 0x5D)]
    assert jumps
    for at, target in jumps:
        assert target == next(end for end in ends if end > at) + 1


@pytest.fixture
def group() -> Iterator[str]:
    unified = next((mount.place for mount in proc.mounts() if mount.fstype == "cgroup2"), None)
    if unified is None or os.geteuid() != 0:
        pytest.skip("needs root and version 2 of control groups")
    folder = os.path.join(unified, f"stackup-test-{secrets.token_hex(4)}")
    os.mkdir(folder)
    yield folder
    os.rmdir(folder)


def opened(group: str, *asked: tuple[str, int]) -> list[bool]:
    """In a child that lives in the group."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open(f"{group}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")
            os.write(writing, bytes(_may(path, flags) for path, flags in asked))
        finally:
            os._exit(0)
    os.close(writing)
    said = os.read(reading, 100)
    os.close(reading)
    os.waitpid(child, 0)
    return [bool(one) for one in said]


def _may(path: str, flags: int) -> bool:
    try:
        os.close(os.open(path, flags))
    except PermissionError:
        return False
    return True


@pytest.mark.host
def test_the_kernel_does_what_the_rules_say(group: str) -> None:
    asked = ((NULL, os.O_RDWR), (NULL, os.O_RDONLY), (ZERO, os.O_RDONLY), (ZERO, os.O_WRONLY), (URANDOM, os.O_RDONLY))
    try:
        devicefilter.attach(group, ["c 1:3 rw", "c 1:5 r", "b *:* rwm"])
    except KernelError as problem:
        pytest.skip(f"no programs for control groups: {problem}")
    assert opened(group, *asked) == [True, True, True, False, False]
    devicefilter.attach(group, ["a 1:* rwm"])  # in its place, not beside it
    assert opened(group, *asked) == [True] * 5
    devicefilter.attach(group, [])
    assert opened(group, *asked) == [False] * 5
