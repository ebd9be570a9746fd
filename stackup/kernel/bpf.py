"""Classic BPF as seccomp(2) runs it: instructions are put down from the last to the first.

Law: a jump leads forward only, so whoever puts a jump has put its targets before, and no label is ever left open. A
label is how many instructions there are from it to the end. Conditional jumps reach 255 instructions; where that is
too short they lead to an unconditional one.
"""

from __future__ import annotations

import struct

_LOAD, _JUMP, _RETURN, _AND = 0x20, 0x05, 0x06, 0x54
EQUAL, GREATER, AT_LEAST, ANY_BIT = 0x15, 0x25, 0x35, 0x45
"""Tests of the loaded word against a constant: jeq, jgt, jge, jset."""
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Offsets in `struct seccomp_data`; arguments are 64 bits each, the low word first on all of our machines."""
_REACH = 254
_LONGEST = 4096
"""BPF_MAXINSNS."""


class Assembler:
    __slots__ = ("_answers", "_code")

    def __init__(self) -> None:
        self._code: list[bytes] = []
        self._answers: dict[int, int] = {}

    def _put(self, code: int, constant: int, yes: int = 0, no: int = 0) -> int:
        self._code.append(struct.pack("=HBBI", code, yes, no, constant))
        return len(self._code)

    def _far(self, target: int) -> int:
        return self._put(_JUMP, len(self._code) - target)

    def answer(self, value: int) -> int:
        """End with this SECCOMP_RET_*; one instruction for all who say the same."""
        if value not in self._answers:
            self._answers[value] = self._put(_RETURN, value)
        return self._answers[value]

    def load(self, offset: int, then: int, *, mask: int = 0xFFFFFFFF) -> int:
        """Load a word of the call, keep the bits of `mask`, go on at `then`."""
        if then != len(self._code):
            self._far(then)
        if mask != 0xFFFFFFFF:
            self._put(_AND, mask)
        return self._put(_LOAD, offset)

    def clear(self, bits: int, then: int) -> int:
        if then != len(self._code):
            self._far(then)
        return self._put(_AND, 0xFFFFFFFF & ~bits)

    def branch(self, test: int, constant: int, yes: int, no: int) -> int:
        if yes == no:
            return yes
        for _ in range(2):  # what is put for one may push the other out of reach
            if len(self._code) - no > _REACH:
                no = self._far(no)
            if len(self._code) - yes > _REACH:
                yes = self._far(yes)
        return self._put(test, constant, len(self._code) - yes, len(self._code) - no)

    def program(self) -> bytes:
        """`struct sock_filter[]`, to be entered at what was put last. ValueError: longer than the kernel takes."""
        if len(self._code) > _LONGEST:
            raise ValueError(f"the filter has {len(self._code)} instructions, and the kernel takes {_LONGEST}")
        return b"".join(reversed(self._code))
