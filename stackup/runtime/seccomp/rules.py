"""Rules about system calls, and the filter that they become. Pure.

Law: what no rule names gets the profile's default answer. A rule without checks settles its call whatever others say;
among rules with checks the first that holds wins. Calls newer than the newest that the profile names answer ENOSYS, so
that a C library takes the older way instead of giving up. A program of an architecture that is not listed is killed.
Values are named tuples, which load in a tenth of the time: this is on the way of every start.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from stackup.kernel import bpf, syscalls
from stackup.kernel.bpf import Assembler

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
"""SECCOMP_RET_* of seccomp(2)."""
ENOSYS, EPERM = 38, 1
LARGEST = 256 << 10
"""Bytes of a profile's text."""
_FULL = (1 << 64) - 1
_LOW = 0xFFFFFFFF
_X86_64 = "x86_64"


class Check(NamedTuple):
    """An argument, its bits under `mask`, compared with a value."""

    argument: int
    op: str
    """`==`, `!=`, `<`, `<=`, `>`, `>=`."""
    value: int
    mask: int = _FULL


class Rule(NamedTuple):
    names: tuple[str, ...]
    answer: int
    checks: tuple[Check, ...] = ()
    """All of them must hold."""


class Profile(NamedTuple):
    rules: tuple[Rule, ...]
    default: int
    architectures: frozenset[str]
    """Names of `syscalls.table`, and `x32`. The machine's own is always there."""
    newer: int | None = ERRNO | ENOSYS
    """The answer to calls that are newer than the newest named; None: the default one."""


Leaf: TypeAlias = "tuple[tuple[tuple[Check, ...], int], ...]"
"""What is done about one call: checks and answers in their order; the last has no checks."""


def compile_filter(profile: Profile, machine: str) -> bytes:
    """For `machine`, as uname(2) names it. KeyError when there is no table of its calls."""
    made = Assembler()
    runs = syscalls.NATIVE[machine]
    listed = [name for name in runs if name == runs[0] or name in profile.architectures]
    foreign = made.answer(KILL_PROCESS)
    sections = [(syscalls.AUDIT[name], _section(made, profile, name)) for name in reversed(listed)]
    place = foreign
    for audit, section in sections:
        place = made.branch(bpf.EQUAL, audit, section, place)
    made.load(bpf.ARCHITECTURE, place)
    return made.program()


def _section(made: Assembler, profile: Profile, architecture: str) -> int:
    """Everything about one architecture: x32 shares what x86_64 has."""
    place = _tree(made, _ranges(_leaves(profile, architecture), _beyond(profile, architecture)), {})
    if architecture == _X86_64:
        x32 = made.clear(syscalls.X32_BIT, place) if "x32" in profile.architectures else made.answer(KILL_PROCESS)
        place = made.branch(bpf.AT_LEAST, syscalls.X32_BIT, x32, place)
    return made.load(bpf.NUMBER, place)


def _leaves(profile: Profile, architecture: str) -> dict[int, Leaf]:
    numbers, found = syscalls.table(architecture), dict[int, Leaf]()
    end: Leaf = (((), profile.default),)
    for rule in profile.rules:
        for name in rule.names:
            for number in numbers.get(name, ()):
                before = found.get(number, end)
                if number in found and not before[0][0]:
                    continue  # settled
                more: Leaf = ((rule.checks, rule.answer),)
                found[number] = (*before[:-1], *more, *end) if rule.checks else more
    return found


def _beyond(profile: Profile, architecture: str) -> tuple[int, Leaf, Leaf]:
    """(the newest number that is named, the answer up to it, the answer after it)."""
    numbers = syscalls.table(architecture)
    named = (number for rule in profile.rules for name in rule.names for number in numbers.get(name, ()))
    newest = max((number for number in named if number < syscalls.SEPARATE), default=-1)
    later = profile.default if profile.newer is None or newest < 0 else profile.newer
    return newest, (((), profile.default),), (((), later),)


def _ranges(leaves: dict[int, Leaf], beyond: tuple[int, Leaf, Leaf]) -> list[tuple[int, Leaf]]:
    """(first number, what is done from there on), in order, neighbours different."""
    newest, plain, later = beyond
    edges = sorted({0, newest + 1, *leaves, *(number + 1 for number in leaves)})
    found: list[tuple[int, Leaf]] = []
    for first in edges:
        leaf = leaves.get(first, plain if first <= newest else later)
        if not found or found[-1][1] != leaf:
            found.append((first, leaf))
    return found


def _tree(made: Assembler, ranges: list[tuple[int, Leaf]], chains: dict[Leaf, int]) -> int:
    """A search by halves: seven or eight comparisons for any call. What many calls have in common is there once."""
    if len(ranges) == 1:
        leaf = ranges[0][1]
        if leaf not in chains:
            chains[leaf] = _chain(made, leaf)
        return chains[leaf]
    middle = len(ranges) // 2
    upper = _tree(made, ranges[middle:], chains)
    lower = _tree(made, ranges[:middle], chains)
    return made.branch(bpf.AT_LEAST, ranges[middle][0], upper, lower)


def _chain(made: Assembler, leaf: Leaf) -> int:
    place = made.answer(leaf[-1][1])
    for checks, answer in reversed(leaf[:-1]):
        yes, no = made.answer(answer), place
        place = yes
        for check in reversed(checks):
            place = _compare(made, check, place, no)
    return place


_OPPOSITE = {"!=": "==", "<": ">=", "<=": ">"}
_TESTS = {"==": bpf.EQUAL, ">": bpf.GREATER, ">=": bpf.AT_LEAST}


def _compare(made: Assembler, check: Check, yes: int, no: int) -> int:
    """64 bits in two words: the high ones decide unless they are equal."""
    if check.op in _OPPOSITE:
        yes, no = no, yes
    test = _TESTS[_OPPOSITE.get(check.op, check.op)]
    place = bpf.ARGUMENTS + 8 * check.argument
    low = made.branch(test, check.value & _LOW, yes, no)
    low = made.load(place, low, mask=check.mask & _LOW)
    if not check.mask >> 32 and not check.value >> 32:
        return low
    high = check.value >> 32
    same = made.branch(bpf.EQUAL, high, low, no)
    if test != bpf.EQUAL:
        same = made.branch(bpf.GREATER, high, yes, same)
    return made.load(place + 4, same, mask=check.mask >> 32)
