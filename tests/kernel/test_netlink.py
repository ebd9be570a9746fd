from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stackup.errors import HostError
from stackup.kernel import netlink, rtnetlink


@given(some.lists(some.tuples(some.integers(0, 0x3FFF), some.binary(max_size=40))))
def test_attributes_come_back_as_they_went(pairs: list[tuple[int, bytes]]) -> None:
    body = b"".join(netlink.attribute(kind, value) for kind, value in pairs)
    assert len(body) % 4 == 0
    assert list(netlink.attributes(body)) == pairs


@given(some.binary(max_size=64))
def test_reading_ends_on_any_bytes(body: bytes) -> None:
    assert len(list(netlink.attributes(body))) <= 16
    assert len(list(netlink.split(body))) <= 4


def test_a_length_never_wraps_around() -> None:
    assert len(netlink.attribute(1, b"x" * 65531)) == 65536
    with pytest.raises(HostError, match="65532 bytes cannot be sent"):
        netlink.attribute(1, b"x" * 65532)
    with pytest.raises(HostError, match="cannot be sent"):
        rtnetlink.add_veth("a" * 70000, rtnetlink.VethPeer("eth0", 3))


def test_a_failure_names_the_operation_and_its_subject() -> None:
    error = rtnetlink.set_route("10.0.0.0/8", via="10.9.0.1").failure(101, "Nexthop has invalid gateway")
    assert str(error) == 'set route on "10.0.0.0/8": network is unreachable'
    assert error.hint == "the kernel says: nexthop has invalid gateway"
