"""Records of extended headers, alone; with their entries they are tested beside the reader."""

from __future__ import annotations

import pytest

from stackup.images.pax import nanoseconds, override, override_size, parse_pax, xattrs
from stackup.images.refusal import ArchiveRefused


def test_records_are_read_by_their_lengths() -> None:
    assert parse_pax(b"8 a=b\nc\n" + b"5 k=\n") == {b"a": b"b\nc", b"k": b""}
    assert parse_pax(b"") == {}


@pytest.mark.parametrize(
    "content", [b"x", b"5 a=b", b"6 a=b\n" * 2, b"99 a=b\n", b"6 =ab\n", b"6 a=bc", b"-6 a=b\n", b"0 a=b\n"]
)
def test_damaged_pax_records_are_refused(content: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        parse_pax(content)


def test_times_have_fractions_and_none_before_1970() -> None:
    assert [nanoseconds(raw) for raw in (b"1", b"1.5", b"1.0000000019", b"-5.25")] == [
        10**9,
        1_500_000_000,
        1_000_000_001,
        0,
    ]
    for raw in (b"", b"x", b"1.x", b"1e5", b"9" * 30):
        with pytest.raises(ArchiveRefused):
            nanoseconds(raw)


def test_an_empty_record_takes_the_headers_word() -> None:
    assert override({b"path": b""}, b"path", b"name") == b"name"
    assert override_size({b"comment": b"x"}, 7) == 7


def test_a_slash_more_is_no_disagreement() -> None:
    assert override({b"path": b"./dir/"}, b"path", b"dir") == b"./dir/"


@pytest.mark.parametrize("key", [b"SCHILY.xattr.", b"SCHILY.xattr.a\0b", b"SCHILY.xattr." + b"n" * 300])
def test_attributes_without_a_sensible_name_are_refused(key: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        xattrs({key: b"v"})
