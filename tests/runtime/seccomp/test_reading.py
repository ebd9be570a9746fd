"""Profiles in JSON: what is understood, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stackup.kernel import syscalls
from stackup.runtime.privileges import DEFAULT
from stackup.runtime.seccomp.reading import LARGEST, Machine, read_profile
from stackup.runtime.seccomp.rules import ALLOW, ENOSYS, EPERM, ERRNO, KILL_PROCESS, Profile, compile_filter
from tests.runtime.seccomp.machine import answer

X86_64 = syscalls.AUDIT["x86_64"]
HERE = Machine("x86_64", (6, 1), frozenset(DEFAULT))
DENY = "SCMP_ACT_ERRNO"
CONTAINERS_COMMON = Path("/usr/share/containers/seccomp.json")


def read(*rules: dict[str, Any], machine: Machine = HERE, **rest: Any) -> Profile:
    newest = allow("file_setattr")
    return read_profile(json.dumps({"defaultAction": DENY, "syscalls": [*rules, newest], **rest}), machine)


def allow(*names: str, **rest: Any) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", **rest}


def asked(found: Profile, name: str, *arguments: int, audit: int = X86_64) -> int:
    return answer(compile_filter(found, "x86_64"), audit, syscalls.table("x86_64")[name][0], arguments)


def test_names_and_actions() -> None:
    found = read(allow("read"), {"name": "write", "action": "SCMP_ACT_KILL_PROCESS"},
                 {"names": ["open", "no_such_call"], "action": DENY, "errnoRet": 7})  # fmt: skip
    assert asked(found, "read") == ALLOW
    assert asked(found, "write") == KILL_PROCESS
    assert asked(found, "open") == ERRNO | 7
    assert asked(found, "mmap") == ERRNO | EPERM


def test_masked_comparison_and_the_others() -> None:
    args = [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]
    found = read(allow("clone", args=args), allow("socket", args=[{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]))
    assert asked(found, "clone", 0x11) == asked(found, "socket", 2) == ALLOW
    assert asked(found, "clone", 0x10000011) == asked(found, "socket", 40) == ERRNO | EPERM


def test_one_argument_with_two_values_may_be_either() -> None:
    args = [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in (1, 2)]
    found = read(allow("socket", args=args))
    assert [asked(found, "socket", family) for family in (1, 2, 3)] == [ALLOW, ALLOW, ERRNO | EPERM]


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ({"includes": {"caps": ["CAP_CHOWN"]}}, True),
        ({"includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}}, False),
        ({"excludes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}}, False),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN"]}}, True),
        ({"includes": {"arches": ["amd64"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"minKernel": "6.2"}}, False),
        ({"includes": {}, "excludes": {}}, True),
        ({"includes": None}, True),
    ],
)
def test_conditions(condition: dict[str, Any], applies: bool) -> None:
    assert (asked(read(allow("read", **condition)), "read") == ALLOW) is applies


def test_architectures_in_both_spellings() -> None:
    for listed in (
        {"architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_MIPS"]},
        {"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                     {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_X32"]}]},
    ):  # fmt: skip
        assert read(**listed).architectures - {""} == {"x86"}


def test_calls_that_are_newer_than_the_file_do_not_exist() -> None:
    strict = read_profile(json.dumps({"defaultAction": DENY, "syscalls": [allow("openat2")]}), HERE)
    assert asked(strict, "mseal") == ERRNO | ENOSYS
    lenient = read_profile('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}', HERE)
    assert asked(lenient, "mseal") == ALLOW


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "not a JSON object"),
        ("{", "Expecting"),
        ("[" * 100_000, "nested|Expecting"),
        (" " * (LARGEST + 1), "larger"),
        ("{}", 'the action "None"'),
        ('{"defaultAction": "ALLOW"}', 'the action "ALLOW"'),
        ('{"defaultAction": "SCMP_ACT_NOTIFY"}', "NOTIFY"),
        ('{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 70000}', "16 bits"),
        ('{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}', "64 bits"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}', "listenerPath"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}', '"X"'),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO"}]}', "names no"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [7]}', "not a JSON object"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}}', "not a list"),
    ],
)
def test_what_is_not_understood_is_an_error(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_profile(text, HERE)


@pytest.mark.parametrize("check", [{"index": 6, "op": "SCMP_CMP_EQ"}, {"index": 0, "op": "EQ?"}, {"op": "SCMP_CMP_EQ"},
                                   {"index": 0, "value": 2**64, "op": "SCMP_CMP_EQ"}, {"index": True, "op": "SCMP_CMP_EQ"}])  # fmt: skip
def test_arguments_that_cannot_be(check: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="number|argument|comparison"):
        read(allow("read", args=[check]))


@pytest.mark.skipif(not CONTAINERS_COMMON.exists(), reason="no profile of containers-common here")
def test_a_profile_that_people_have_is_understood_in_full() -> None:
    found = read_profile(CONTAINERS_COMMON.read_text(), HERE)
    assert asked(found, "read") == ALLOW
    assert asked(found, "open_by_handle_at") == ERRNO | EPERM
    assert asked(found, "socket", 16, 3, 0) == ALLOW
    admin = Machine("x86_64", (6, 1), frozenset(["SYS_ADMIN"]))
    assert asked(read_profile(CONTAINERS_COMMON.read_text(), admin), "bpf") == ALLOW
