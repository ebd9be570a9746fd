from __future__ import annotations

import pytest

from stackup.runtime.network import options


@pytest.mark.parametrize("name", ["eth0", "br-shop", "a" * 15, "wg.0"])
def test_what_a_link_may_be_called(name: str) -> None:
    assert options.is_link(name)


@pytest.mark.parametrize("name", ["", "lo", ".", "..", "a" * 16, "a/b", "a b", "eth%d", "a:1", "é" * 8, "a\n"])
def test_what_a_link_may_not_be_called(name: str) -> None:
    assert not options.is_link(name)


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        (options.MTU, ["68", "1500", "65535"], ["67", "65536", "-1", "x", "", "1500\n"]),
        (options.ICC, ["true", "False", "1", "0"], ["yes", "", "2"]),
        (options.BINDING, ["127.0.0.1", "::1"], ["localhost", "", "127.0.0.1/8", "300.0.0.1"]),
        (options.INTERFACES, ["eth", "lan-"], ["", "0eth", "a" * 13, "a/b"]),
    ],
)
def test_values_of_options(option: str, good: list[str], bad: list[str]) -> None:
    check = options.NETWORK[option][0]
    assert [value for value in good if not check(value)] == []
    assert [value for value in bad if check(value)] == []


def test_settings_of_an_endpoint_cannot_leave_their_link() -> None:
    said = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.neigh.IFNAME.gc_stale_time=5"
    assert options.ENDPOINT[options.SYSCTLS][0](said)
    assert options.sysctls({options.SYSCTLS: said}, "eth1") == [
        ["net/ipv4/conf/eth1/log_martians", "1"],
        ["net/ipv6/neigh/eth1/gc_stale_time", "5"],
    ]
    for wrong in (
        "net.ipv4.conf.all.forwarding=1",
        "net.ipv4.conf.IFNAME.../x=1",
        "kernel.x=1",
        "net.ipv4.ip_forward=1",
    ):
        assert not options.ENDPOINT[options.SYSCTLS][0](wrong)
