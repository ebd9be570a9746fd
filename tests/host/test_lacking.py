"""Kernels that were built without something, and hosts that are full: the word names what and the remedy.

The kernel here has everything. So a request asks for a kind or an expression that no kernel has, in place of the one
that is to be absent, and what comes back is the kernel's true refusal.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin import doctor
from stackup.errors import HostError, StackupError, Unsupported
from stackup.kernel import netlink, netns, nftables, nftexpr, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.layout import Layout
from stackup.runtime.network import firewall, ports, rules
from stackup.runtime.network.bridge import FORWARDING, Bridge
from stackup.runtime.network.holder import PortHolder
from stackup.runtime.network.ports import Published
from tests.host.lab import OUTSIDE_HOST, Loop, World, ask_tcp, link_names, nft_text, serve_tcp

pytestmark = pytest.mark.host


def without(module: Any, name: str, absent: str, place: int = 0) -> None:
    """From here on `module.name` asks for something that no kernel has when its argument is `absent`."""
    real: Callable[..., bytes] = getattr(module, name)

    def asks(*arguments: Any) -> bytes:
        words = [*arguments]
        words[place] = f"no{absent}" if words[place] == absent else words[place]
        return real(*words)

    setattr(module, name, asks)


@pytest.mark.parametrize("kind", ["bridge", "veth"])
def test_a_kind_of_link_that_is_absent_is_named(own_host: object, tmp_path: Path, kind: str) -> None:
    world, before = World(tmp_path), link_names()
    without(rtnetlink, "text", kind, 1)
    with pytest.raises(Unsupported, match=f'network "default" needs {kind}, which this kernel does not have') as caught:
        world.network()
    assert caught.value.hint == f"load it: modprobe -a {kind}"
    assert world.driver.remove([world.driver.half_made(world.spec())]) == [None]
    assert link_names() == before
    found = {row["subject"]: row for row in doctor.findings(Layout(str(tmp_path), world.run_dir))}
    assert (found["links"]["level"], found["links"]["hint"]) == ("error", f"load it: modprobe -a {kind}")


def test_an_attachment_without_veth_is_named(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network(internal=True)
    endpoint = world.endpoint(network, "container/web", 2)
    without(rtnetlink, "text", "veth", 1)
    outcome = world.driver.attach(network, [endpoint])[0]
    assert str(outcome) == 'network "default" needs veth, which this kernel does not have'


@pytest.mark.parametrize(("word", "module"), [("masq", "nft_masq"), ("fib", "nft_fib_inet"), ("ct", "nft_ct")])
def test_a_part_of_nf_tables_that_is_absent_is_named(own_host: object, tmp_path: Path, word: str, module: str) -> None:
    world = World(tmp_path)
    without(nftexpr, "_expression", word)
    with pytest.raises(Unsupported, match=module) as caught:
        world.network()
    assert module in caught.value.hint
    found = {row["subject"]: row for row in doctor.findings(Layout(str(tmp_path), world.run_dir))}
    assert found["nftables"]["level"] == "error"
    assert module in found["nftables"]["text"]


def test_asking_what_is_absent_changes_nothing(own_host: object, tmp_path: Path) -> None:
    tables = (rules.host_table(closed=True), rules.NETWORK_MEMBERS)
    with nftables.open_channel() as channel, Channel() as links:
        assert nftables.lacking(channel, tables) == frozenset()
        assert [rtnetlink.has_kind(links, kind) for kind in ("bridge", "veth", "nokind")] == [True, True, False]
    assert nft_text("list", "ruleset") == ""
    assert link_names() == {"lo"}


def test_replicas_share_a_port_where_the_kernel_cannot_count(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    without(nftexpr, "_expression", "numgen")
    network = world.network()
    wanted: list[Published] = []
    for key, offset in (("container/web#1", 2), ("container/web#2", 3)):
        ns_fd, address = world.container(network, key, offset)
        serve_tcp(ns_fd, address, 80)
        wanted.append({"host_ip": "", "port": 8080, "protocol": "tcp", "address": address, "target": 80})
        Loop(PortHolder([{"host_ip": "", "port": 8080, "target": 80, "protocol": "tcp", "shared": True}], address))
    ports.publish(wanted)
    assert firewall.observe(wanted) == [True, True]
    assert "numgen" not in nft_text("list", "ruleset")
    assert world.driver.observe(network)["admitted"] is True
    for _ in range(8):
        assert ask_tcp(outside, OUTSIDE_HOST, 8080).endswith(" hello")
    ports.publish(wanted[:1])
    assert ask_tcp(outside, OUTSIDE_HOST, 8080).endswith(" hello")
    found = [
        row["text"] for row in doctor.findings(Layout(str(tmp_path), world.run_dir)) if row["subject"] == "nftables"
    ]
    assert found == ["replicas share a port in user space only"]


def test_a_subnet_that_the_host_reaches_is_refused_with_its_link(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.outside()  # 198.51.100.0/24 on wan0
    with Channel() as channel:
        index = rtnetlink.index_of("wan0")
        channel.require([rtnetlink.set_route("10.0.0.0/8", via="198.51.100.9", index=index)])
        channel.require([rtnetlink.set_route("10.7.7.0/24", via="198.51.100.9", index=index)])
    for subnet, other in (
        ("198.51.100.128/25", "198.51.100.0/24"),
        ("198.51.0.0/16", "198.51.100.0/24"),
        ("10.7.0.0/16", "10.7.7.0/24"),
    ):
        said = f'the subnet "{subnet}" overlaps "{other}", which this host reaches through "wan0"'
        with pytest.raises(HostError, match=said) as caught:
            world.driver.validate(world.spec(subnet=subnet))
        assert "choose another" in caught.value.hint
    with pytest.raises(HostError, match=r'overlaps "2001:db8:51::/64"'):
        world.driver.validate(world.spec(ipv6=True, subnet6="2001:db8:51::/80"))
    world.driver.validate(world.spec(subnet="10.8.0.0/16"))  # part of a wide route to a gateway
    world.driver.validate(world.spec(subnet="198.51.100.0/24", internal=True))  # the host has no route to it
    made = world.network(subnet="10.8.0.0/16")
    world.driver.validate(world.spec(subnet="10.8.0.0/16"))  # its own uplink is no obstacle
    assert world.driver.remove([made]) == [None]


def test_pools_that_the_host_routes_give_way_to_others_and_are_named_in_the_end(
    own_host: object, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.outside()
    with Channel() as channel:
        for target, chosen in (("10.0.0.0/8", "172.16.0.0/22"), ("172.16.0.0/12", "192.168.0.0/22")):
            channel.require([rtnetlink.set_route(target, via="198.51.100.9", index=rtnetlink.index_of("wan0"))])
            made = world.network()
            assert (made["subnet"], made["uplink"][0].partition(".")[0]) == (chosen, chosen.partition(".")[0])
            web, address = world.container(made, "container/web", 2)
            serve_tcp(web, address, 80)
            assert ask_tcp(-1, address, 80).endswith(" hello")
            assert world.driver.detach(made, [world.endpoint(made, "container/web", 2)]) == [None]
            assert world.driver.remove([made]) == [None]
        channel.require([rtnetlink.set_route("192.168.0.0/16", via="198.51.100.9", index=rtnetlink.index_of("wan0"))])
    with pytest.raises(HostError, match=r"no /22 is left in 10\.192\.0\.0/12, 172\.16\.0\.0/12, 192\.168\.0\.0/16"):
        world.network()


def test_ipv6_that_is_switched_off_on_the_host_is_on_inside_networks(own_host: object, tmp_path: Path) -> None:
    for name in ("all", "default"):
        netns.write_sysctl(f"net/ipv6/conf/{name}/disable_ipv6", "1")
    world = World(tmp_path)
    network = world.network(ipv6=True)
    web, address = world.dual(network, "container/web", 2)
    client, _ = world.dual(network, "container/client", 3)
    serve_tcp(web, address, 80)
    assert ask_tcp(client, address, 80).endswith(" hello")
    assert ask_tcp(-1, address, 80).endswith(" hello")


def test_ipv6_that_the_kernel_has_not_is_named(own_host: object, tmp_path: Path) -> None:
    os.system("mount -t tmpfs none /proc/sys/net/ipv6")
    with pytest.raises(Unsupported, match='network "default" asks for IPv6, which this kernel does not have') as caught:
        World(tmp_path).driver.validate(World(tmp_path).spec(ipv6=True))
    assert "enable_ipv6" in caught.value.hint


def test_forwarding_that_may_not_be_turned_on_is_named(own_host: object, tmp_path: Path) -> None:
    os.system("mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys")
    world = World(tmp_path)
    with pytest.raises(StackupError, match="read-only file system") as caught:
        world.network()
    assert "/proc/sys" in caught.value.hint


def test_without_nf_tables_networks_are_sound_and_not_adrift(own_host: object, tmp_path: Path) -> None:
    real = socket.socket

    class Refusing(socket.socket):
        """As a kernel without nfnetlink answers socket(2)."""

        def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> None:
            if family == socket.AF_NETLINK and proto == netlink.NETLINK_NETFILTER:
                raise OSError(errno.EPROTONOSUPPORT, os.strerror(errno.EPROTONOSUPPORT))
            real.__init__(self, family, kind, proto, fileno)

    socket.socket = Refusing  # type: ignore[misc]
    world = World(tmp_path)
    world.driver = Bridge(world.run_dir, tables=nftables.available())
    network = world.network()
    facts = world.driver.observe(network)
    assert all(facts[name] for name in ("present", "bridge", "uplink", "routed"))
    assert "admitted" not in facts
    assert netns.read_sysctl(FORWARDING) == "0"
    assert world.driver.remove([network]) == [None]
