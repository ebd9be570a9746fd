"""The device controller of cgroup v2, which is a program: rules as v1 spells them, compiled to eBPF, loaded, attached.

An allow-list: a program may make, read or write a node when one rule covers all that it asks for. The program belongs
to the group and goes with it. bpf(2); `struct bpf_cgroup_dev_ctx` of bpf.h holds type and access in one word, then the
numbers.
"""

from __future__ import annotations

import os
import struct

from stackup.kernel import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROG_ATTACH = 8
_TYPE_CGROUP_DEVICE, _ATTACH_DEVICE = 15, 6
_KINDS = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}
_EVERYTHING = 7
_LOAD_WORD, _AND, _SHIFT_RIGHT, _COPY, _SET, _EXIT = 0x61, 0x54, 0x74, 0xBC, 0xB7, 0x95
_UNLESS_EQUAL, _UNLESS_SAME = 0x55, 0x5D
_KIND, _ASKED, _MAJOR, _MINOR, _SCRATCH = 2, 3, 4, 5, 0
_NUMBERS = ((_MAJOR, 4), (_MINOR, 8))


def compile_rules(rules: Iterable[str]) -> bytes:
    """`struct bpf_insn[]`. Each rule answers 1 when it covers the call, and falls through to the next when not."""
    code = [
        _instruction(_LOAD_WORD, _KIND, 1), _instruction(_AND, _KIND, value=0xFFFF),
        _instruction(_LOAD_WORD, _ASKED, 1), _instruction(_SHIFT_RIGHT, _ASKED, value=16),
        *(_instruction(_LOAD_WORD, register, 1, offset) for register, offset in _NUMBERS),
    ]  # fmt: skip
    for rule in rules:
        code += _rule(rule)
    return b"".join([*code, _instruction(_SET, 0, value=0), _instruction(_EXIT)])


def _instruction(code: int, register: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhi", code, register | source << 4, offset, value)


def _rule(text: str) -> list[bytes]:
    tests = list(_tests(text))
    length = sum(len(test) for test in tests) + 2
    code: list[bytes] = []
    for test in tests:
        *before, (jump, register, source, value) = test
        code += [_instruction(*word) for word in before]
        code.append(_instruction(jump, register, source, length - len(code) - 1, value))
    return [*code, _instruction(_SET, 0, value=1), _instruction(_EXIT)]


def _tests(text: str) -> Iterator[list[tuple[int, ...]]]:
    """Each ends in a jump away that is taken when the rule does not cover the call."""
    kind, numbers, access = text.split()
    if kind in _KINDS:
        yield [(_UNLESS_EQUAL, _KIND, 0, _KINDS[kind])]
    granted = sum(_ACCESS[letter] for letter in set(access))
    if granted != _EVERYTHING:
        within = [(_COPY, _SCRATCH, _ASKED), (_AND, _SCRATCH, 0, 0, granted)]
        yield [*within, (_UNLESS_SAME, _SCRATCH, _ASKED, 0)]
    for (register, _), number in zip(_NUMBERS, numbers.split(":"), strict=True):
        if number != "*":
            yield [(_UNLESS_EQUAL, register, 0, int(number))]


def load(rules: Iterable[str]) -> int:
    """The program's descriptor, the caller's to close."""
    return calls.bpf_load(_TYPE_CGROUP_DEVICE, compile_rules(rules))


def attach(folder: str, rules: Iterable[str]) -> None:
    """In the place of what we attached to this group before."""
    program = load(rules)
    try:
        group = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            calls.bpf(_PROG_ATTACH, struct.pack("=IIII", group, program, _ATTACH_DEVICE, 0))
        finally:
            os.close(group)
    finally:
        os.close(program)
