"""Reading ahead and hashing in threads."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import threading

import pytest

from stackup.errors import HostError
from stackup.images.refusal import ArchiveRefused
from stackup.images.stream import HashedStream

CONTENT = os.urandom(3_000_001)


def test_the_digest_is_of_the_uncompressed_bytes() -> None:
    stream = HashedStream(io.BytesIO(gzip.compress(CONTENT, 1)), "it")
    assert b"".join(stream) == CONTENT
    assert stream.digest() == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert stream.size == len(CONTENT)
    stream.close()


def test_an_empty_stream_has_a_digest_too() -> None:
    stream = HashedStream(io.BytesIO(b""), "it")
    assert list(stream) == []
    assert stream.digest() == f"sha256:{hashlib.sha256().hexdigest()}"
    stream.close()


def test_an_error_of_the_source_comes_up_in_the_loop() -> None:
    stream = HashedStream(io.BytesIO(gzip.compress(CONTENT, 1)[:-100]), "it")
    with pytest.raises(ArchiveRefused, match="too early"):
        list(stream)
    stream.close()


def test_a_reading_error_names_the_source() -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise OSError(5, "Input/output error")

    stream = HashedStream(Broken(), "/mnt/stick/rootfs.tar")
    with pytest.raises(HostError, match=r"/mnt/stick/rootfs\.tar"):
        list(stream)
    stream.close()


def test_leaving_early_ends_the_threads() -> None:
    before = threading.active_count()
    stream = HashedStream(io.BytesIO(bytes(50 << 20)), "it")
    next(iter(stream))
    stream.close()
    assert threading.active_count() == before


def test_a_silent_source_does_not_hold_up_leaving() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as source:
        stream = HashedStream(source, "a pipe")
        stream.close()
        os.close(writer)
        for thread in threading.enumerate():
            if thread.daemon:
                thread.join(5)
