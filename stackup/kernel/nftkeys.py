"""Keys and values of sets: fields by name, in the kernel's bytes and with nft's own type numbers, so that nft(8) shows
what is meant.
"""

from __future__ import annotations

import socket
import struct

from stackup.kernel import nftexpr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.kernel.nftexpr import Value

Key = tuple[str, ...]

ADDRESS, ADDRESS6, MAC, PROTOCOL, PORT, LINK = "address", "address6", "mac", "protocol", "port", "link"
NUMBER = "number"
_TYPES = {
    ADDRESS: (7, 4),
    ADDRESS6: (8, 16),
    MAC: (9, 6),
    PROTOCOL: (12, 1),
    PORT: (13, 2),
    LINK: (41, 16),
    NUMBER: (19, 4),
}
"""Field of a key: nft's type number and its length."""
_FAMILIES = {ADDRESS: socket.AF_INET, ADDRESS6: socket.AF_INET6}


def typed(fields: Key) -> tuple[int, int]:
    """nft's number of a concatenation (six bits a field), and its length: fields are padded to four bytes."""
    number = length = 0
    for field in fields:
        kind, size = _TYPES[field]
        number = number << 6 | kind
        length += size if len(fields) == 1 else (size + 3) & ~3
    return number, length


def _pack_field(field: str, value: Value) -> bytes:
    if field in _FAMILIES:
        return socket.inet_pton(_FAMILIES[field], str(value))
    if field == MAC:
        return bytes.fromhex(str(value).replace(":", ""))
    if field == PROTOCOL:
        return bytes((nftexpr.PROTOCOLS[str(value)],))
    if field == PORT:
        return struct.pack(">H", int(value))
    if field == NUMBER:  # made by the kernel, in its own byte order; nft(8) has a type of fixed length for marks only
        return struct.pack("=I", int(value))
    return str(value).encode().ljust(16, b"\0")


def pack(fields: Key, values: Sequence[Value]) -> bytes:
    raw = [_pack_field(field, value) for field, value in zip(fields, values, strict=True)]
    return raw[0] if len(raw) == 1 else b"".join(part + b"\0" * (-len(part) % 4) for part in raw)


def unpack(fields: Key, raw: bytes) -> tuple[Value, ...]:
    found: list[Value] = []
    start = 0
    names = {number: name for name, number in nftexpr.PROTOCOLS.items()}
    for field in fields:
        size = _TYPES[field][1]
        part = raw[start : start + size]
        start += (size + 3) & ~3
        if field in _FAMILIES:
            found.append(socket.inet_ntop(_FAMILIES[field], part))
        elif field == MAC:
            found.append(part.hex(":"))
        elif field == PROTOCOL:
            found.append(names.get(part[0], str(part[0])))
        elif field == PORT:
            found.append(struct.unpack(">H", part)[0])
        elif field == NUMBER:
            found.append(struct.unpack("=I", part)[0])
        else:
            found.append(part.rstrip(b"\0").decode())
    return tuple(found)
