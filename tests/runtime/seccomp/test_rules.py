"""Filters answer as their rules say, for every call of every architecture."""

from __future__ import annotations

import operator
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackup.kernel import syscalls
from stackup.kernel.bpf import Assembler
from stackup.runtime.seccomp.rules import (
    ALLOW,
    ENOSYS,
    EPERM,
    ERRNO,
    KILL_PROCESS,
    Check,
    Profile,
    Rule,
    compile_filter,
)
from tests.runtime.seccomp.machine import answer

X86_64, X86 = syscalls.AUDIT["x86_64"], syscalls.AUDIT["x86"]
DENY = ERRNO | EPERM
NEWER = ERRNO | ENOSYS
OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def profile(*rules: Rule, architectures: tuple[str, ...] = ("x86", "x32"), **rest: object) -> Profile:
    return Profile(rules, DENY, frozenset(architectures), **rest)  # type: ignore[arg-type]


def number(name: str, architecture: str = "x86_64") -> int:
    return syscalls.table(architecture)[name][0]


def test_what_is_named_is_allowed_and_what_is_newer_does_not_exist() -> None:
    code = compile_filter(profile(Rule(("read", "openat2"), ALLOW)), "x86_64")
    assert answer(code, X86_64, number("read")) == ALLOW
    assert answer(code, X86_64, number("write")) == DENY
    assert answer(code, X86_64, number("openat2")) == ALLOW
    assert answer(code, X86_64, number("openat2") + 1) == NEWER
    assert answer(code, X86_64, 0x3FFFFFFF) == NEWER
    assert answer(code, X86_64, -1) == NEWER


def test_a_file_that_allows_by_default_allows_what_is_newer() -> None:
    code = compile_filter(Profile((Rule(("read",), DENY),), ALLOW, frozenset(), None), "x86_64")
    assert (answer(code, X86_64, 0), answer(code, X86_64, 9999)) == (DENY, ALLOW)


def test_a_profile_that_names_nothing_has_one_answer() -> None:
    code = compile_filter(Profile((), DENY, frozenset()), "x86_64")
    assert {answer(code, X86_64, number) for number in (0, 59, 9999, -1)} == {DENY, KILL_PROCESS}


def test_each_architecture_has_its_own_numbers() -> None:
    code = compile_filter(profile(Rule(("read", "execve"), ALLOW)), "x86_64")
    assert answer(code, X86, number("read", "x86")) == ALLOW
    assert answer(code, X86, number("read")) == DENY  # restart_syscall there
    assert answer(code, X86_64, number("read") | syscalls.X32_BIT) == ALLOW
    assert answer(code, X86_64, 520 | syscalls.X32_BIT) == ALLOW  # execve of x32
    assert answer(code, syscalls.AUDIT["aarch64"], 63) == KILL_PROCESS
    arm = compile_filter(profile(Rule(("read",), ALLOW), architectures=("arm",)), "aarch64")
    assert answer(arm, syscalls.AUDIT["aarch64"], 63) == answer(arm, syscalls.AUDIT["arm"], 3) == ALLOW


def test_an_architecture_that_is_not_listed_is_no_way_around() -> None:
    code = compile_filter(profile(Rule(("read",), ALLOW), architectures=()), "x86_64")
    assert answer(code, X86, number("read", "x86")) == KILL_PROCESS
    assert answer(code, X86_64, number("read") | syscalls.X32_BIT) == KILL_PROCESS
    assert answer(code, X86_64, number("read")) == ALLOW


def test_a_rule_without_checks_settles_its_call() -> None:
    only = Rule(("socket",), ALLOW, (Check(0, "==", 2),))
    for rules in ((only, Rule(("socket",), ALLOW)), (Rule(("socket",), ALLOW), only)):
        assert answer(compile_filter(profile(*rules), "x86_64"), X86_64, number("socket"), [1]) == ALLOW


@given(
    st.sampled_from(sorted(OPERATORS)),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.sampled_from([2**64 - 1, 2**32 - 1, 0xFFFFFFFF00000000, 0x7E020000, 0]),
    st.booleans(),
)
def test_comparisons_are_of_64_bits(op: str, value: int, given_value: int, mask: int, near: bool) -> None:
    given_value = (value + given_value % 3 - 1) % 2**64 if near else given_value
    code = compile_filter(profile(Rule(("read",), ALLOW, (Check(1, op, value, mask),))), "x86_64")
    assert (answer(code, X86_64, 0, [0, given_value]) == ALLOW) == OPERATORS[op](given_value & mask, value)


def expected(found: Profile, name: str, arguments: list[int]) -> int:
    mine = [rule for rule in found.rules if name in rule.names]
    for rule in (*(rule for rule in mine if not rule.checks), *mine):
        if all(OPERATORS[c.op](arguments[c.argument] & c.mask, c.value) for c in rule.checks):
            return rule.answer
    return found.default


@pytest.mark.parametrize("seed", range(20))
def test_a_filter_says_what_its_rules_say(seed: int) -> None:
    """Random profiles over all calls, long enough for jumps that do not reach."""
    rng = random.Random(seed)
    names = sorted(syscalls.table("x86_64"))
    rules = []
    for _ in range(rng.randrange(1, 20)):
        checks = tuple(
            Check(rng.randrange(6), rng.choice(sorted(OPERATORS)), rng.randrange(4)) for _ in range(rng.randrange(4))
        )
        rules.append(
            Rule(tuple(rng.sample(names, rng.randrange(1, 12))), rng.choice([ALLOW, ERRNO | rng.randrange(9)]), checks)
        )
    found = profile(*rules, newer=None)
    code = compile_filter(found, "x86_64")
    for name in rng.sample(names, 40):
        arguments = [rng.randrange(4) for _ in range(6)]
        assert answer(code, X86_64, number(name), arguments) == expected(found, name, arguments)


def test_a_filter_that_the_kernel_would_not_take_is_an_error() -> None:
    names = enumerate(syscalls.table("x86_64"))
    rules = (Rule((name,), ALLOW, tuple(Check(i, "==", 2**33 + n) for i in range(6))) for n, name in names)
    with pytest.raises(ValueError, match="4096"):
        compile_filter(profile(*rules), "x86_64")


def test_a_jump_reaches_over_any_distance() -> None:
    made = Assembler()
    far = made.answer(1)
    near = far
    for value in range(400):
        near = made.answer(100 + value)
    made.load(0, made.branch(0x15, 7, far, near))
    code = made.program()
    assert answer(code, 0, 7) == 1
    assert answer(code, 0, 8) == 499
