"""What driver options and attachment keys do to links and packets: kernel state read back, and talk that must fail."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from stackup.errors import HostError, KernelError
from stackup.kernel import netlink, netns, rtnetlink
from stackup.runtime.network import ports
from tests.host.lab import OUTSIDE, OUTSIDE6, OUTSIDE_HOST, World, ask_tcp, ask_udp, link_names, serve_tcp, serve_udp
from tests.host.test_bridge import published

pytestmark = pytest.mark.host


def test_containers_kept_apart_reach_the_outside_and_not_each_other(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network(apart=True, ipv6=True)
    web, address = world.container(network, "container/web", 2)
    client, _ = world.container(network, "container/client", 3)
    address6 = world.endpoint(network, "container/web", 2)["address6"]
    serve_tcp(outside, OUTSIDE, 80)
    serve_tcp(outside, OUTSIDE6, 80)
    serve_tcp(web, "::", 80)
    assert ask_tcp(client, OUTSIDE, 80) == f"{OUTSIDE_HOST} hello"
    assert ask_tcp(client, OUTSIDE6, 80).endswith(" hello")
    assert ask_tcp(-1, address, 80).endswith(" hello")
    for there in (address, address6):
        with pytest.raises(OSError, match="timed out|No route"):
            ask_tcp(client, there, 80, patience_s=0.1)
    with netlink.Channel(ns_fd=client) as channel:  # also when somebody asks the gateway to carry it
        index = rtnetlink.index_of("eth0", client)
        channel.require([rtnetlink.set_route(f"{address}/32", via=network["gateway"], index=index)])
        channel.require([rtnetlink.set_route(f"{address6}/128", via=network["gateway6"], index=index)])
    for there in (address, address6):
        with pytest.raises(OSError, match="timed out"):
            ask_tcp(client, there, 80, patience_s=0.1)
    ports.publish([published(8080, address, 80)])
    assert ask_tcp(client, OUTSIDE_HOST, 8080).endswith(" hello"), "a published port is for everybody"


def test_a_network_without_masquerade_goes_out_under_its_own_addresses(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    plain, usual = world.network("plain", masquerade=False), world.network("usual")
    web, address = world.container(plain, "container/web", 2)
    other, _ = world.container(usual, "container/other", 2)
    with netlink.Channel(ns_fd=outside) as channel:
        channel.require([rtnetlink.set_route(plain["subnet"], via=OUTSIDE_HOST)])
    serve_tcp(outside, OUTSIDE, 80)
    serve_tcp(web, address, 80)
    assert ask_tcp(web, OUTSIDE, 80) == f"{address} hello"
    assert ask_tcp(other, OUTSIDE, 80) == f"{OUTSIDE_HOST} hello"
    ports.publish([published(8080, address, 80)])
    assert ask_tcp(web, OUTSIDE_HOST, 8080).endswith(" hello"), "its own port by the host's address"
    assert world.driver.remove([plain]) == [None]
    assert ask_tcp(other, OUTSIDE, 80) == f"{OUTSIDE_HOST} hello"


def test_an_uplink_has_the_name_that_the_file_gives(own_host: object, tmp_path: Path) -> None:
    os.system(
        "nft add table ip filter; nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'"
    )
    world = World(tmp_path)
    outside = world.outside()
    network = world.network(link_name="br-shop")
    web, _ = world.container(network, "container/web", 2)
    serve_tcp(outside, OUTSIDE, 80)
    assert ask_tcp(web, OUTSIDE, 80) == f"{OUTSIDE_HOST} hello", "through a chain that refuses what it does not know"
    assert "br-shop" in link_names()
    assert world.driver.create(network) == network
    assert world.driver.remove([network]) == [None]
    assert "br-shop" not in link_names()
    assert "accept" not in os.popen("nft list table ip filter").read()


def test_a_link_that_is_not_ours_is_never_taken_nor_removed(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.outside()
    spec = world.spec(link_name="wan0")
    with pytest.raises(HostError, match='this host has another link "wan0"'):
        world.driver.create(spec)
    assert world.driver.remove([world.driver.half_made(spec)]) == [None]
    assert "wan0" in link_names()


def test_an_attachment_has_its_mac_mtu_settings_and_further_addresses(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network(mtu=1400)
    web, _ = world.container(
        network,
        "container/web",
        2,
        link="lan0",
        mac="02:42:AC:11:00:02",
        mtu=1300,
        link_local=["169.254.7.7", "fe80::7"],
        sysctls=[["net/ipv4/conf/lan0/log_martians", "1"]],
    )
    client, _ = world.container(network, "container/client", 3, link_local=["169.254.7.8", "fe80::8"])
    with netlink.Channel(ns_fd=web) as channel:
        link = rtnetlink.links(channel)["lan0"]
    assert (link["mac"], link["mtu"]) == ("02:42:ac:11:00:02", 1300)
    with netns.Inside(web):
        assert netns.read_sysctl("net/ipv4/conf/lan0/log_martians") == "1"
    serve_udp(web, "169.254.7.7", 80)
    assert ask_udp(client, "169.254.7.7", 80).endswith(" hello")
    serve_tcp(web, "::", 81)
    with netns.Inside(client), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as one:
        one.settimeout(5)
        one.connect(("fe80::7", 81, 0, socket.if_nametoindex("eth0")))
        assert one.recv(100)


def test_a_setting_that_the_kernel_has_not_is_the_containers_own_failure(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    good, bad = world.endpoint(network, "container/good", 2), world.endpoint(network, "container/bad", 3)
    outcomes = world.driver.attach(network, [{**bad, "sysctls": [["net/ipv4/conf/eth0/no_such", "1"]]}, good])
    assert isinstance(outcomes[0], KernelError)
    assert "no_such" in str(outcomes[0])
    assert outcomes[1] is None
