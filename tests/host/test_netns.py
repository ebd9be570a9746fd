"""Pinned namespaces and raw netlink against the kernel."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from stackup.errors import KernelError
from stackup.kernel import netlink, netns, rtnetlink
from tests.host.lab import link_names

pytestmark = pytest.mark.host


def identity(path: str = "/proc/thread-self/ns/net") -> int:
    return os.stat(path).st_ino


def test_a_namespace_is_made_once_entered_and_left(own_host: object, tmp_path: Path) -> None:
    pin, outside = str(tmp_path / "a" / "netns"), identity()
    assert netns.create(pin)
    assert not netns.create(pin)
    assert identity() == outside != identity(pin)
    fd = netns.open_pin(pin)
    with netns.Inside(fd):
        assert identity() == identity(pin)
        assert link_names() == {"lo"}
    with pytest.raises(ValueError, match="body"), netns.Inside(fd):
        raise ValueError("body")
    assert identity() == outside
    with netns.socket_in(fd, socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 4000))
    with netns.socket_in(fd, socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 4001))
        listener.listen()
        with netns.socket_in(fd, socket.AF_INET, socket.SOCK_STREAM) as client:
            assert client.connect_ex(("127.0.0.1", 4001)) == 0, "loopback is up"
    netns.remove(pin)
    netns.remove(pin)
    assert not os.path.exists(pin)


def test_other_threads_notice_nothing(own_host: object, tmp_path: Path) -> None:
    outside, found, go, done = identity(), [], threading.Event(), threading.Event()

    def look() -> None:
        go.wait(5)
        found.append(identity())
        done.set()

    thread = threading.Thread(target=look)
    thread.start()
    pin = str(tmp_path / "netns")
    netns.create(pin)
    with netns.Inside(netns.open_pin(pin)):
        go.set()
        done.wait(5)
    thread.join()
    assert found == [outside]


def test_a_pin_that_a_reboot_emptied_is_used_again(own_host: object, tmp_path: Path) -> None:
    (tmp_path / "netns").touch()
    assert netns.create(str(tmp_path / "netns"))
    assert netns.is_pinned(str(tmp_path / "netns"))


def test_sysctls_are_those_of_the_namespace(own_host: object, tmp_path: Path) -> None:
    pin = str(tmp_path / "netns")
    netns.create(pin)
    with netns.Inside(netns.open_pin(pin)):
        netns.write_sysctl("net/ipv4/ip_forward", "1")
        assert netns.read_sysctl("net/ipv4/ip_forward") == "1"
    assert netns.read_sysctl("net/ipv4/ip_forward") == "0"
    netns.ease_sysctls((("net/ipv4/no_such_thing", "1"),))
    with pytest.raises(KernelError, match="/proc/sys/net/ipv4/no_such_thing"):
        netns.write_sysctl("net/ipv4/no_such_thing", "1")


def test_every_answer_finds_its_request(own_host: object, tmp_path: Path) -> None:
    pin = str(tmp_path / "netns")
    netns.create(pin)
    fd = netns.open_pin(pin)
    with netlink.Channel() as channel:
        requests = [rtnetlink.add_veth(f"v{n % 100}", rtnetlink.VethPeer(f"p{n}", fd)) for n in range(150)]
        outcomes = channel.perform(requests)
        assert [error.errno if error else 0 for error in outcomes] == [0] * 100 + [errno.EEXIST] * 50
        assert str(outcomes[100]) == 'add veth pair to "p100" on "v0": file exists'
        found = rtnetlink.links(channel)
        assert {f"v{n}" for n in range(100)} <= set(found)
        assert found["v0"]["up"] is True
        with pytest.raises(KernelError, match='set route on "default": network is unreachable'):
            channel.require([rtnetlink.set_route("default", via="192.0.2.1")])
        channel.require([rtnetlink.add_address(rtnetlink.index_of("v0"), "192.0.2.1", 24)])
        channel.require([rtnetlink.set_route("198.51.100.0/24", via="192.0.2.9", table=1000)])
        found_route = next(route for route in rtnetlink.routes(channel) if route["table"] == 1000)
        assert found_route["target"] == "198.51.100.0/24"
        assert found_route["via"] == "192.0.2.9"
        assert found_route["index"] == rtnetlink.index_of("v0")
        assert not found_route["advertised"]
        assert (rtnetlink.index_of("v0"), "192.0.2.1/24") in rtnetlink.addresses(channel)
        channel.require([rtnetlink.set_group(f"v{n}", 7) for n in range(100)])
        channel.require([rtnetlink.delete_group(7)])
    assert link_names() == {"lo"}
