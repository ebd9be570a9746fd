from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stackup.runtime.network import dns


def query(name: str, kind: int = dns.A, *, edns: int = 0, number: int = 7) -> bytes:
    head = struct.pack(">6H", number, 0x0100, 1, 0, 0, 1 if edns else 0)
    tail = b"\0" + struct.pack(">HHIH", dns.OPT, edns, 0, 0) if edns else b""
    return head + dns.wire(name) + struct.pack(">HH", kind, dns.IN) + tail


def test_a_question_is_read_in_lower_case() -> None:
    asked = dns.question(query("WeB.Example"))
    assert asked is not None
    assert (asked.name, asked.kind, asked.klass) == (b"\x03web\x07example\x00", dns.A, dns.IN)
    assert not asked.single


def test_one_label_is_single_and_the_root_is_not() -> None:
    single, root = dns.question(query("web")), dns.question(query("web")[:12] + b"\0\0\1\0\1")
    assert single is not None
    assert single.single
    assert root is not None
    assert not root.single


def test_edns_raises_the_limit_within_bounds() -> None:
    limits = [asked.limit for size in (0, 100, 1232, 65535) if (asked := dns.question(query("web", edns=size)))]
    assert limits == [512, 512, 1232, 4096]


@pytest.mark.parametrize(
    "packet",
    [query("web")[:-1], query("web")[:12] + b"\xc0\x0c\0\1\0\1", query("web")[:12] + b"\x3fabc", query("web")[:12]],
    ids=["short", "pointer", "long label", "no question"],
)
def test_a_malformed_question_is_none(packet: bytes) -> None:
    assert dns.question(packet) is None


def test_an_answer_repeats_the_question_and_points_at_it() -> None:
    packet = query("web", edns=1232)
    asked = dns.question(packet)
    assert asked is not None
    answer = dns.reply(packet, asked, dns.NOERROR, [dns.address_record(socket.inet_aton("10.0.0.2"))])
    assert struct.unpack_from(">6H", answer) == (7, 0x8580, 1, 1, 0, 1)
    assert answer[12 : asked.end] == packet[12 : asked.end]
    assert answer[asked.end :][:16] == b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x0a\0\0\2"


def test_what_does_not_fit_is_left_out_and_said() -> None:
    packet = query("web")
    asked = dns.question(packet)
    assert asked is not None
    records = [dns.address_record(bytes((10, 0, 0, last))) for last in range(100)]
    answer = dns.reply(packet, asked, dns.NOERROR, records, asked.limit)
    assert len(answer) <= 512
    assert dns.truncated(answer)
    assert struct.unpack_from(">6H", answer)[3] == (512 - asked.end) // 16


def test_a_reverse_name_is_an_address() -> None:
    assert dns.reverse_address(dns.wire("2.0.0.10.in-addr.arpa")) == "10.0.0.2"
    assert dns.reverse_address(dns.wire("x.0.0.10.in-addr.arpa")) == ""
    assert dns.reverse_address(dns.wire("0.10.in-addr.arpa")) == ""
    assert dns.reverse_address(dns.wire("300.0.0.10.in-addr.arpa")) == ""
    assert dns.reverse_address(dns.wire("web")) == ""


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, ".".join(["abcdefgh"] * 32)])
def test_what_cannot_be_a_name_has_no_wire_form(name: str) -> None:
    assert dns.wire(name) == b""


@given(some.binary(max_size=80))
def test_no_bytes_make_reading_or_answering_fail(rest: bytes) -> None:
    packet = struct.pack(">6H", 1, 0, 1, 0, 0, 1) + rest
    assert dns.is_query(packet)
    asked = dns.question(packet)
    answer = dns.reply(packet, asked, dns.FORMERR if asked is None else dns.NXDOMAIN, [])
    assert answer[:2] == packet[:2]
    assert answer[2] & 0x80
    if asked is not None:
        dns.reverse_address(asked.name)


def test_an_answer_is_not_a_query() -> None:
    packet = query("web")
    asked = dns.question(packet)
    assert not dns.is_query(dns.reply(packet, asked, dns.NOERROR, []))
    assert not dns.is_query(b"short")
