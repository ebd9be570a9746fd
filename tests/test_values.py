"""Values parsed at the edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackup.values import Address, Digest, format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize("text", ["container/web#2", "network/default", "volume/a.b-c_d"])
def test_an_address_reads_as_it_prints(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("1024", 1024), ("64m", 64 << 20), ("1.5GB", 3 << 29), ("2 kb", 2048), ("1GiB", 1 << 30), ("0", 0)],
)
def test_sizes_count_by_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1", "1x", "1..5m", "١m"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1m30s", 90 * 10**9),
        ("500ms", 5 * 10**8),
        ("0", 0),
        ("1.5h", 5400 * 10**9),
        ("10us", 10**4),
        ("1d", 86400 * 10**9),
    ],
)
def test_durations_join_their_units(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "30", "s", "1m 30s", "-1s", "1y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (90 * 10**9, "1m30s"),
        (5 * 10**8, "500ms"),
        (3600 * 10**9, "1h0m0s"),
        (1, "1ns"),
        (1_500_000, "1.5ms"),
    ],
)
def test_durations_print_as_docker_compose_prints_them(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


def test_sizes_print_exactly() -> None:
    assert [format_size(n) for n in (512 << 20, 1 << 30, 1000, 0)] == ["512M", "1G", "1000", "0"]


def test_a_digest_is_a_digest() -> None:
    assert str(Digest.parse("sha256:" + "a" * 64)) == "sha256:" + "a" * 64
    for bad in ("sha256:abc", "md5:" + "a" * 32, "sha512:" + "a" * 64, ""):
        with pytest.raises(ValueError, match="digest"):
            Digest.parse(bad)


@given(st.integers(0, 10**15))
def test_a_printed_duration_reads_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.integers(0, 2**60))
def test_a_printed_size_reads_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("text", ["9" * 20, "9" * 5000, "1" + "0" * 50 + "k", "9000000p", "0." + "1" * 5000 + "1e"])
def test_a_size_that_nothing_can_hold_is_refused_in_our_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is too large|is not a size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["9" * 20 + "h", "9" * 5000 + "s", "300000h" * 100_000])
def test_a_duration_that_nothing_can_hold_is_refused_in_our_words(text: str) -> None:
    with pytest.raises(ValueError, match="is too large"):
        parse_duration(text)


def test_many_digits_behind_the_point_are_only_many_digits() -> None:
    assert parse_size("1." + "5" * 5000 + "k") == 1592
