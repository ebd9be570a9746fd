"""A tar writer for tests that says whatever it is told, true or not; it shares nothing with the reader under test."""

from __future__ import annotations

END = b"\0" * 1024


def block(
    name: bytes,
    flag: bytes = b"0",
    *,
    size: int = 0,
    link: bytes = b"",
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime: int = 1_700_000_000,
    device: tuple[int, int] = (0, 0),
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
) -> bytes:
    """One header block with a right checksum."""
    head = b"".join(
        (
            name[:100].ljust(100, b"\0"),
            b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, mtime),
            b" " * 8,
            flag,
            link[:100].ljust(100, b"\0"),
            magic,
            b"\0" * 64,
            b"%07o\0%07o\0" % device,
            prefix.ljust(155, b"\0"),
        )
    ).ljust(512, b"\0")
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def content(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def file(name: str, data: bytes = b"", **rest: object) -> bytes:
    return block(name.encode(), size=len(data), **rest) + content(data)  # type: ignore[arg-type]


def directory(name: str, mode: int = 0o755, **rest: object) -> bytes:
    return block(name.encode() + b"/", b"5", mode=mode, **rest)  # type: ignore[arg-type]


def symlink(name: str, target: str) -> bytes:
    return block(name.encode(), b"2", link=target.encode(), mode=0o777)


def hardlink(name: str, target: str) -> bytes:
    return block(name.encode(), b"1", link=target.encode())


def pax(records: dict[str, bytes | str], flag: bytes = b"x") -> bytes:
    """An extended header for the next entry."""
    body = b""
    for key, value in records.items():
        raw = value if isinstance(value, bytes) else value.encode()
        rest = b" " + key.encode() + b"=" + raw + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        body += str(length).encode() + rest
    return block(b"pax", flag, size=len(body)) + content(body)


def gnu_long(name: bytes, flag: bytes = b"L") -> bytes:
    return block(b"././@LongLink", flag, size=len(name) + 1) + content(name + b"\0")


def tarball(*members: bytes) -> bytes:
    return b"".join(members) + END
