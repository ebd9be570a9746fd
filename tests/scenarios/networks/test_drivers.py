"""Drivers other than the bridge, and services that share the network of another container."""

from __future__ import annotations

import json
import socket

import pytest

from stackup.kernel import netlink, netns, rtnetlink
from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_macvlan_must_put_containers_beside_the_host(net: Net) -> None:
    far = _machine_beyond("lan0", "10.44.0.200", f"{net.folder}/far")
    net.write(f"""
services:
  web: {net.service('hostname: web, networks: {lan: {ipv4_address: 10.44.0.80, mac_address: "02:42:00:00:00:80"}}')}
  client: {net.service("hostname: client, networks: [lan, back]")}
  db: {net.service("hostname: db, networks: [back]")}
networks:
  lan:
    driver: macvlan
    driver_opts: {{parent: lan0}}
    ipam: {{config: [{{subnet: 10.44.0.0/24, ip_range: 10.44.0.64/28, gateway: 10.44.0.1}}]}}
  back: {{internal: true}}
""")
    before = net.machine.inventory()
    told = net.told("up -d")
    assert "not honoured" not in told
    assert net.ask("client", "web").startswith("web 10.44.0.6")
    assert net.ask("client", "db").startswith("db ")
    with netns.socket_in(far, socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.settimeout(5)
        caller.connect(("10.44.0.80", 80))
        assert b"web ::ffff:10.44.0.200" in caller.recv(100), "another machine of that LAN"
    assert json.loads(net.run("web", "ip", "-j", "route", "show", "default"))[0]["gateway"] == "10.44.0.1"
    assert json.loads(net.run("web", "ip", "-j", "link", "show", "eth0"))[0]["address"] == "02:42:00:00:00:80"
    assert "everything is as the file says" in net.told("up -d")
    net("restart web")
    assert net.ask("client", "web").startswith("web ")
    ids = net.ids()
    net.edit(lambda text: text.replace("networks: [lan, back]", "networks: [back]"))
    net("up -d")
    assert net.ids() == ids
    assert "not known" in net.look("client", "web")
    text = net.file.read_text()
    net("down -v")
    net.file.write_text(text.replace("networks: [back]", "networks: [lan, back]", 1))
    net.machine.must_be_as(before)


def _machine_beyond(link: str, address: str, pin_file: str) -> int:
    """A namespace at the other end of a link of the host's, which a descriptor keeps."""
    netns.create(pin_file)
    far = netns.open_pin(pin_file)
    netns.remove(pin_file)
    with netlink.Channel() as here, netlink.Channel(ns_fd=far) as there:
        here.require([rtnetlink.add_veth(link, rtnetlink.VethPeer("lan1", far))])
        netns.write_sysctl(f"net/ipv6/conf/{link}/disable_ipv6", "1")  # its own address would come a moment later
        index = rtnetlink.index_of("lan1", far)
        there.require([rtnetlink.link_up(index), rtnetlink.add_address(index, address, 24)])
    return far


def test_what_a_driver_cannot_do_must_be_told_by_line(net: Net) -> None:
    net.write(f"""
services: {{web: {net.service("networks: [lan]")}}}
networks:
  lan:
    driver: overlay
""")
    told = net.told("up -d", code=1)
    assert 'asks for the driver "overlay"' in told
    assert "several hosts" in told
    assert "stack.yaml:6:" in told
    net.edit(lambda text: text.replace("overlay", "macvlan"))
    assert 'network "lan" has no parent' in net.told("up -d", code=1)
    net.edit(lambda text: text + "    driver_opts: {parent: nothing0}\n")
    assert 'this host has no link "nothing0"' in net.told("up -d", code=1)
    with netlink.Channel() as channel:
        there = rtnetlink.has_kind(channel, "ipvlan")
    net.edit(lambda text: text.replace("macvlan", "ipvlan"))
    told = net.told("up -d", code=1)
    assert there or "asks for ipvlan, which this kernel does not have" in told
    assert there == ("no networks with `driver: ipvlan`" not in net("doctor"))
    net("down")


def test_sharers_of_a_network_must_outlive_a_restart_of_its_owner(net: Net) -> None:
    net.write(f"""
services:
  owner: {net.service('hostname: owner, container_name: the-owner, ports: ["8080:81"]')}
  side: {net.service('network_mode: "service:owner"', "81")}
  guest: {net.service('network_mode: "container:the-owner", depends_on: [owner]', "82")}
  client: {net.service()}
""")
    net("up -d")
    for _ in range(2):
        for port in (80, 81, 82):
            assert net.ask("client", "owner", port).split()[1] == net.look("client", "client")
        assert net.ask("side", "127.0.0.1", 80)
        assert net.look("side", "client") == net.look("guest", "client") == net.look("client", "client")
        assert net.call("127.0.0.1", 8080)
        net("restart --no-deps owner")
