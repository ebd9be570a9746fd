"""What a container may call by default."""

from __future__ import annotations

from collections import Counter

import pytest

from stackup.kernel import syscalls
from stackup.runtime.privileges import DEFAULT
from stackup.runtime.seccomp import default
from stackup.runtime.seccomp.default import default_profile
from stackup.runtime.seccomp.rules import ALLOW, ENOSYS, EPERM, ERRNO, compile_filter
from tests.runtime.seccomp.machine import answer

DENY, NONE = ERRNO | EPERM, ERRNO | ENOSYS
X86_64 = syscalls.AUDIT["x86_64"]


def asked(name: str, *arguments: int, held: tuple[str, ...] = DEFAULT, machine: str = "x86_64") -> int:
    code = compile_filter(default_profile(held), machine)
    return answer(code, syscalls.AUDIT[machine], syscalls.table(machine)[name][0], arguments)


def test_every_call_of_every_table_is_decided_once() -> None:
    known = {name for architecture in syscalls.AUDIT for name in syscalls.table(architecture)}
    plain = [name for text in default.ALLOWED.values() for name in text.split()]
    guarded = {name for text in default.GUARDED.values() for name in text.split()}
    checked = default.CHECKED.split()
    said = Counter([*plain, *(guarded - set(checked)), *checked, *default.REFUSED.split()])
    assert set(said) == known
    assert [name for name, times in said.items() if times > 1] == []


@pytest.mark.parametrize("machine", syscalls.NATIVE)
def test_each_machine_has_a_filter_that_the_kernel_takes(machine: str) -> None:
    assert len(compile_filter(default_profile(DEFAULT), machine)) < 4096 * 8
    assert asked("read", machine=machine) == ALLOW
    assert asked("mount", machine=machine) == DENY


@pytest.mark.parametrize("name", ["unshare", "setns", "mount", "bpf", "keyctl", "add_key", "io_uring_setup", "kexec_load",
                                  "userfaultfd", "perf_event_open", "open_by_handle_at", "reboot", "swapon"])  # fmt: skip
def test_what_acts_on_the_machine_is_refused(name: str) -> None:
    assert asked(name) == DENY


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("mount", "SYS_ADMIN"),
        ("reboot", "SYS_BOOT"),
        ("settimeofday", "SYS_TIME"),
        ("syslog", "SYSLOG"),
        ("bpf", "BPF"),
    ],
)
def test_a_capability_brings_its_calls(name: str, capability: str) -> None:
    assert (asked(name), asked(name, held=(*DEFAULT, capability))) == (DENY, ALLOW)


def test_new_namespaces_take_sys_admin_whichever_way() -> None:
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert asked("clone", flag | 17) == DENY
        assert asked("clone", flag | 17, held=("SYS_ADMIN",)) == ALLOW
    assert asked("clone", 0x3D0F00) == ALLOW  # a thread
    assert (asked("clone3"), asked("clone3", held=("SYS_ADMIN",))) == (NONE, ALLOW)


def test_address_families_are_compared_as_the_kernel_reads_them() -> None:
    """Bits above an int are dropped by the kernel; a comparison of 64 bits would be passed by setting one."""
    for family in (38, 40):
        assert asked("socket", family) == asked("socket", family | 1 << 32) == DENY
    assert asked("socket", 2) == asked("socket", 16) == asked("socket", 1) == ALLOW


def test_personalities() -> None:
    assert asked("personality", 0xFFFFFFFF) == asked("personality", 0) == ALLOW
    assert asked("personality", 0x0400000) == DENY  # READ_IMPLIES_EXEC


def test_calls_of_tomorrow_do_not_exist() -> None:
    code = compile_filter(default_profile(DEFAULT), "x86_64")
    assert answer(code, X86_64, 500) == NONE
    assert answer(code, syscalls.AUDIT["x86"], 500) == NONE
