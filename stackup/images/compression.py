"""What a stream is compressed with, and the stream without it, a bounded chunk at a time.

The only importer of isal and zstandard, and late: an uncompressed import pays for neither. However small the input that
asks for it, no call yields more than one chunk, so a bomb costs time until the reader's limit, never memory.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from stackup.images.refusal import ArchiveRefused

CHUNK = 1 << 18
"""Bytes of one output chunk: large enough that hashing and inflating release the interpreter lock for long."""
_INPUT = 1 << 16
_ZSTD_WINDOW = 1 << 27
"""The largest window a stream may ask for, as `zstd --long=27`; more would let a header reserve gigabytes."""
_XZ_MEMORY = 1 << 28
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
)
MAGIC_BYTES = 6


class ByteSource(Protocol):
    """Anything with a blocking `read`: a file, a pipe, a response."""

    def read(self, size: int, /) -> bytes: ...


def detect(head: bytes) -> str:
    """`gzip`, `zstd`, `xz`, `bzip2`, `zip`, or `none`, from the first `MAGIC_BYTES` bytes."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "none")


def decompressed(source: ByteSource) -> Iterator[bytes]:
    """The chunks of `source` without their compression. Raises ArchiveRefused when the stream is not sound."""
    head = _read_exactly(source, MAGIC_BYTES)
    rejoined = _Rejoined(head, source)
    match detect(head):
        case "none":
            return iter(lambda: rejoined.read(CHUNK), b"")
        case "gzip":
            return _gzip(rejoined)
        case "zstd":
            return _zstd(rejoined)
        case "xz":
            return _xz(rejoined)
        case other:
            raise ArchiveRefused(f"{other} compression is not read here", hint="use gzip, zstd, xz or a plain tar")


class _Rejoined:
    """A source with the bytes that were read ahead put back in front."""

    __slots__ = ("_head", "_source")

    def __init__(self, head: bytes, source: ByteSource) -> None:
        self._head = head
        self._source = source

    def read(self, size: int, /) -> bytes:
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._source.read(size)


def _read_exactly(source: ByteSource, size: int) -> bytes:
    head = b""
    while len(head) < size and (more := source.read(size - len(head))):
        head += more
    return head


def _gzip(source: ByteSource) -> Iterator[bytes]:
    new_member, damaged = _gzip_inflater()
    data = source.read(_INPUT)
    try:
        while data:
            member = new_member()
            while not member.eof:
                if not data and not (data := source.read(_INPUT)):
                    raise _truncated("gzip")
                if chunk := member.decompress(data, CHUNK):
                    yield chunk
                data = member.unconsumed_tail
                while not data and not member.eof and (chunk := member.decompress(b"", CHUNK)):
                    yield chunk
            data = _next_member(member.unused_data, source)
    except damaged as error:
        raise ArchiveRefused(f"the gzip stream is damaged: {error}") from error


def packer() -> Any:
    """A zlib compressor that is quick rather than thorough: isal's, or zlib's where there is none."""
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        return zlib.compressobj(1)
    return isal_zlib.compressobj(1)


def _gzip_inflater() -> tuple[Callable[[], Any], type[Exception]]:
    """How to begin a gzip member, and what its damage raises: isal's, twice as fast, or zlib's where there is none."""
    try:
        from isal import isal_zlib  # 1 ms, for compressed streams only
    except ImportError:
        import zlib

        return lambda: zlib.decompressobj(wbits=31), zlib.error
    damaged: Any = isal_zlib.error  # a class; the stub declares an instance
    return lambda: isal_zlib.decompressobj(wbits=31), damaged


def _next_member(rest: bytes, source: ByteSource) -> bytes:
    """What follows a gzip member: another one, or padding with zeros, as tapes and some uploads have it."""
    rest = rest or source.read(_INPUT)
    if not rest.startswith(b"\0"):
        return rest
    while rest:
        if rest.strip(b"\0"):
            raise ArchiveRefused("the gzip stream goes on with something else after its end")
        rest = source.read(_INPUT)
    return b""


def _xz(source: ByteSource) -> Iterator[bytes]:
    inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    try:
        while not inflater.eof:
            data = b""
            if inflater.needs_input and not (data := source.read(_INPUT)):
                raise _truncated("xz")
            if chunk := inflater.decompress(data, CHUNK):
                yield chunk
    except lzma.LZMAError as error:
        raise ArchiveRefused(f"the xz stream is damaged: {str(error).lower()}") from error
    if inflater.unused_data or source.read(1):
        raise ArchiveRefused("the xz stream goes on with something else after its end")


def _zstd(source: ByteSource) -> Iterator[bytes]:
    from zstandard import ZstdDecompressor, ZstdError  # 8 ms, for zstd streams only

    # A reader, not a decompressor object: only the reader bounds its output, and one zstd byte can stand for 32 KiB.
    reader = ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
        source,  # type: ignore[arg-type]  # asks for IO[bytes], calls read() only
        read_size=_INPUT,
        read_across_frames=True,
    )
    try:
        while chunk := reader.read(CHUNK):
            yield chunk
    except ZstdError as error:
        raise ArchiveRefused(f"the zstd stream is damaged: {error}") from error


def _truncated(name: str) -> ArchiveRefused:
    return ArchiveRefused(f"the {name} stream ends too early", hint="fetch or write the archive again")
