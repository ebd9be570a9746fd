"""Streams without their compression: whole, damaged, cut, and far too large."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tracemalloc

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.errors import StackupError
from stackup.images.compression import CHUNK, decompressed, detect
from stackup.images.refusal import ArchiveRefused

CONTENT = os.urandom(100_000) + bytes(3_000_000) + b"end"
FORMS = {
    "gzip": gzip.compress(CONTENT),
    "zstd": zstandard.compress(CONTENT),
    "xz": lzma.compress(CONTENT, preset=0),
    "none": CONTENT,
}


def whole(compressed: bytes) -> bytes:
    return b"".join(decompressed(io.BytesIO(compressed)))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_content_back_in_bounded_chunks(form: str) -> None:
    chunks = list(decompressed(io.BytesIO(FORMS[form])))
    assert b"".join(chunks) == CONTENT
    assert max(map(len, chunks)) <= CHUNK
    assert detect(FORMS[form]) == form


def test_nothing_is_nothing() -> None:
    assert whole(b"") == b""
    assert whole(b"ab") == b"ab"


def test_gzip_members_and_zstd_frames_are_read_one_after_the_other() -> None:
    assert whole(gzip.compress(b"one") + gzip.compress(b"") + gzip.compress(b"two")) == b"onetwo"
    assert whole(zstandard.compress(b"one") + zstandard.compress(b"two")) == b"onetwo"


def test_gzip_may_be_padded_with_zeros_and_nothing_else() -> None:
    assert whole(FORMS["gzip"] + bytes(1000)) == CONTENT
    with pytest.raises(ArchiveRefused, match="after its end"):
        whole(FORMS["gzip"] + bytes(1000) + b"x")


@pytest.mark.parametrize("form", ["gzip", "xz"])
def test_a_cut_stream_is_refused(form: str) -> None:
    for cut in (8, len(FORMS[form]) // 2, len(FORMS[form]) - 1):
        with pytest.raises(ArchiveRefused, match="too early"):
            whole(FORMS[form][:cut])


@pytest.mark.parametrize("form", ["gzip", "xz", "zstd"])
def test_a_damaged_stream_is_refused(form: str) -> None:
    damaged = bytearray(FORMS[form])
    for at in range(20, 60):
        damaged[at] ^= 0xFF
    damaged[-5] ^= 0xFF
    with pytest.raises(ArchiveRefused):
        whole(bytes(damaged))


def test_forms_that_are_not_read_are_named() -> None:
    for compressed, name in ((bz2.compress(b"x"), "bzip2"), (b"PK\x03\x04rest", "zip")):
        with pytest.raises(ArchiveRefused, match=name):
            whole(compressed)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["gzip", "zstd", "xz"])
def test_t9_a_bomb_takes_no_memory(form: str) -> None:
    zeros = bytes(64 << 20)
    bomb = {"gzip": gzip.compress, "zstd": zstandard.compress, "xz": lambda data: lzma.compress(data, preset=0)}[form](
        zeros
    )
    tracemalloc.start()
    try:
        assert sum(len(chunk) for chunk in decompressed(io.BytesIO(bomb))) == len(zeros)
        assert tracemalloc.get_traced_memory()[1] < 16 * CHUNK
    finally:
        tracemalloc.stop()


def test_t9_a_zstd_window_of_gigabytes_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(ArchiveRefused, match="zstd"):
        whole(compressor.compress(b"x" * 1000) + compressor.flush())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b""]), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(head: bytes, rest: bytes) -> None:
    try:
        whole(head + rest)
    except StackupError:
        pass
