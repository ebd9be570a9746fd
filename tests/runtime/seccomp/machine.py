"""The kernel's machine for filters, in a few lines: what a filter answers to a call, so that it can be asked of any."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_JUMPS = {
    0x15: lambda a, k: a == k, 0x25: lambda a, k: a > k, 0x35: lambda a, k: a >= k, 0x45: lambda a, k: bool(a & k),
}  # fmt: skip


def answer(code: bytes, audit: int, number: int, arguments: Sequence[int] = ()) -> int:
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *padded)
    instructions = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    at = word = 0
    while True:
        operation, yes, no, constant = instructions[at]
        at += 1
        if operation == 0x20:
            word = struct.unpack_from("<I", data, constant)[0]
        elif operation == 0x54:
            word &= constant
        elif operation == 0x05:
            at += constant
        elif operation == 0x06:
            return int(constant)
        else:
            at += yes if _JUMPS[operation](word, constant) else no
