"""IPv6 in networks: packets between containers, out of them and into them, and what must not pass. See `test_bridge`
for the same of IPv4.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.kernel import netlink, netns, nftables, rtnetlink
from stackup.runtime.network import families, firewall, pools, ports, rules
from stackup.runtime.network.driver import Network
from stackup.runtime.network.holder import PortHolder
from tests.host.lab import (
    OUTSIDE,
    OUTSIDE6,
    OUTSIDE_HOST6,
    Loop,
    World,
    ask_tcp,
    ask_udp,
    open_in,
    serve_tcp,
    serve_udp,
)
from tests.host.test_bridge import published

pytestmark = pytest.mark.host
SWITCH = families.SIX.switch


def test_containers_reach_each_other_and_the_host_is_the_gateway(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network(ipv6=True)
    assert network["subnet6"].startswith("fd")
    web, address = world.dual(network, "container/web", 2)
    client, own = world.dual(network, "container/client", 3)
    serve_tcp(web, address, 80)
    assert ask_tcp(client, address, 80) == f"{own} hello"
    assert ask_tcp(-1, address, 80).endswith(" hello")
    serve_tcp(-1, "::", 9000)
    assert ask_tcp(web, network["gateway6"], 9000) == f"{address} hello"
    assert ask_tcp(web, network["uplink6"][0], 9000) == f"{address} hello"
    assert world.driver.create(network) == network, "the same subnet again"


def test_outgoing_traffic_leaves_as_the_host(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    web, _ = world.dual(world.network(ipv6=True), "container/web", 2)
    serve_tcp(outside, OUTSIDE6, 80)
    assert ask_tcp(web, OUTSIDE6, 80) == f"{OUTSIDE_HOST6} hello"


def test_a_network_without_ipv4(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network(ipv4=False, ipv6=True)
    assert (network["subnet"], network["uplink"]) == ("", [])
    web, address = world.dual(network, "container/web", 2)
    serve_tcp(outside, OUTSIDE6, 80)
    serve_tcp(outside, OUTSIDE, 80)
    assert ask_tcp(web, OUTSIDE6, 80) == f"{OUTSIDE_HOST6} hello"
    with pytest.raises(OSError, match="unreachable"):
        ask_tcp(web, OUTSIDE, 80)
    assert netns.read_sysctl(families.FOUR.switch) == "0"
    facts = world.driver.observe(network)
    assert all(facts[name] for name in ("present", "bridge", "uplink", "routed", "admitted")), facts
    serve_tcp(web, address, 80)
    holder = PortHolder([{"host_ip": "", "port": 8080, "target": 80, "protocol": "tcp"}], address)
    loop = Loop(holder)
    ports.publish([published(8080, address, 80)])
    assert ask_tcp(outside, OUTSIDE_HOST6, 8080) == f"{OUTSIDE6} hello", "the kernel's way keeps the client's address"
    assert ask_tcp(-1, "127.0.0.1", 8080).endswith(" hello"), "from the other family through the monitor"
    loop.stop()
    holder.close()


def test_internal_is_internal_in_both_families(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network("back", internal=True, ipv6=True)
    db, address = world.dual(network, "container/db", 2)
    client, own = world.dual(network, "container/client", 3)
    serve_tcp(outside, OUTSIDE6, 80)
    serve_tcp(db, address, 5432)
    for there, port, whom in ((OUTSIDE6, 80, db), (address, 5432, -1)):
        with pytest.raises(OSError, match="unreachable"):
            ask_tcp(whom, there, port)
    assert ask_tcp(client, address, 5432) == f"{own} hello"
    assert netns.read_sysctl(SWITCH) == "0"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_published_port_is_translated_by_the_kernel(own_host: object, tmp_path: Path, protocol: str) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network(ipv6=True)
    web, address = world.dual(network, "container/web", 2)
    sibling, _ = world.dual(network, "container/sibling", 3)
    (serve_tcp if protocol == "tcp" else serve_udp)(web, address, 80)
    ask = ask_tcp if protocol == "tcp" else ask_udp
    ours = [
        published(8080, address, 80, protocol=protocol),
        published(8081, address, 80, protocol=protocol, host_ip=OUTSIDE_HOST6),
    ]
    ports.publish(ours)
    assert firewall.observe(ours) == [True, True]
    for port in (8080, 8081):
        assert ask(outside, OUTSIDE_HOST6, port) == f"{OUTSIDE6} hello", "the client's address is preserved"
        assert ask(-1, OUTSIDE_HOST6, port).endswith(" hello")
        for caller in (web, sibling):
            assert ask(caller, OUTSIDE_HOST6, port).endswith(" hello")
    ports.unpublish(ours)
    assert firewall.observe(ours) == [False, False]
    with pytest.raises(OSError, match="refused"):
        ask(outside, OUTSIDE_HOST6, 8080)


def test_loopback_is_served_by_the_monitor_beside_the_kernels_translation(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    web, address = world.dual(world.network(ipv6=True), "container/web", 2)
    serve_tcp(web, address, 80)
    holder = PortHolder([{"host_ip": "", "port": 8080, "target": 80, "protocol": "tcp"}], address)
    loop = Loop(holder)
    ports.publish([published(8080, address, 80)])
    assert ask_tcp(-1, "::1", 8080).endswith(" hello")
    loop.stop()
    holder.close()


@pytest.mark.parametrize("forwarding", ["0", "1"])
def test_networks_and_strangers_stay_apart(own_host: object, tmp_path: Path, forwarding: str) -> None:
    netns.write_sysctl(SWITCH, forwarding)
    world = World(tmp_path)
    outside = world.outside()
    front, back = world.network("front", ipv6=True), world.network("back", ipv6=True)
    web, address = world.dual(front, "container/web", 2)
    other, _ = world.dual(back, "container/other", 2)
    serve_tcp(web, "::", 80)
    with netlink.Channel(ns_fd=outside) as channel:
        channel.require([rtnetlink.set_route("default", via=OUTSIDE_HOST6)])
    for caller, there in ((other, address), (outside, address), (outside, front["uplink6"][1])):
        with pytest.raises(OSError, match="timed out"):
            ask_tcp(caller, there, 80, patience_s=0.1)


def test_the_last_network_with_ipv6_puts_the_host_back(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.outside()
    wan = rtnetlink.index_of("wan0")
    os.system("ip -6 route add default via fe80::1 dev wan0 proto ra")
    four, six = world.network("four"), world.network("six", ipv6=True)
    assert netns.read_sysctl(SWITCH) == "1"
    assert netns.read_sysctl("net/ipv6/conf/wan0/accept_ra") == "2"
    with netlink.Channel() as channel:
        assert any(route["index"] == wan and route["target"] == "default" for route in rtnetlink.routes(channel))
    assert world.driver.remove([six]) == [None]
    assert netns.read_sysctl(SWITCH) == "0"
    assert netns.read_sysctl("net/ipv6/conf/wan0/accept_ra") == "1"
    with nftables.open_channel() as tables:
        assert nftables.tables(tables) == [(nftables.IP, rules.TABLE)]
    assert netns.read_sysctl(families.FOUR.switch) == "1"
    assert world.driver.remove([four]) == [None]
    assert not os.path.exists(f"{world.run_dir}/host.json")


def test_subnets_that_meet_another_are_refused(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.network("one", ipv6=True, subnet6="fd00:1::/64", gateway6="fd00:1::fe")
    with pytest.raises(HostError, match='"fd00:1::/80" overlaps "fd00:1::/64" of network "one"'):
        world.driver.validate(world.spec("two", ipv6=True, subnet6="fd00:1::/80"))
    with pytest.raises(HostError, match="outside"):
        world.driver.validate(world.spec("two", ipv6=True, subnet6="fd00:2::/64", gateway6="fd00:3::1"))
    with pytest.raises(HostError, match="neither IPv4 nor IPv6"):
        world.driver.validate(world.spec("two", ipv4=False))


def _advertisement(network: Network, source_mac: str, source: str, target: str) -> bytes:
    """An unsolicited neighbour advertisement: `target` is at `source_mac`, said by `source`, overriding."""
    body = struct.pack(">BBHI", 136, 0, 0, 0x20000000) + socket.inet_pton(socket.AF_INET6, target)
    body += b"\2\1" + bytes.fromhex(source_mac.replace(":", ""))
    sender, everyone = (socket.inet_pton(socket.AF_INET6, one) for one in (source, "ff02::1"))
    pseudo = sender + everyone + struct.pack(">II", len(body), 58) + body
    total = sum(struct.unpack(f">{len(pseudo) // 2}H", pseudo))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + struct.pack(">H", ~total & 0xFFFF) + body[4:]
    head = b"\x33\x33\0\0\0\1" + bytes.fromhex(source_mac.replace(":", "")) + b"\x86\xdd"
    return head + struct.pack(">IHBB", 6 << 28, len(body), 58, 255) + sender + everyone + body


def _neighbours(pin_file: str) -> str:
    return os.popen(f"nsenter --net={pin_file} ip -6 neigh").read()


def test_a_container_speaks_only_for_itself(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network(ipv6=True)
    web, address = world.dual(network, "container/web", 2)
    victim, victims = world.dual(network, "container/victim", 3)
    evil, own = world.dual(network, "container/evil", 4)
    heard: list[str] = []
    serve_udp(web, address, 80, lambda _, caller: heard.append(caller) or b"")
    serve_udp(victim, victims, 80)
    ask_udp(victim, address, 80)
    ask_udp(evil, address, 80)
    evil_mac = pools.mac_of(pools.address_text(pools.bounds(network["subnet"])[0] + 4))
    pin = f"{world.run_dir}/container/victim/netns"
    before = [line for line in _neighbours(pin).splitlines() if line.startswith(f"{address} ")]
    assert before
    with netns.socket_in(evil, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD)) as raw:
        raw.bind(("eth0", 0x86DD))
        raw.send(_advertisement(network, evil_mac, own, address))
    stolen = pools.address_text(pools.bounds(network["subnet6"])[0] + 0x77)
    with netlink.Channel(ns_fd=evil) as channel:
        channel.require([rtnetlink.add_address(rtnetlink.index_of("eth0", evil), stolen, 64)])
    with open_in(evil, socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.bind((stolen, 0))
        client.sendto(b"x", (address, 80))
    os.system(f"nsenter --net={world.run_dir}/container/evil/netns ip -6 address del {stolen}/64 dev eth0")
    ask_udp(evil, address, 80)  # on the same way and later: what was sent before has arrived or never will
    ask_udp(evil, victims, 80)
    assert heard == [victims, own, own]
    after = [line.split()[4] for line in _neighbours(pin).splitlines() if line.startswith(f"{address} ")]
    assert after == [before[0].split()[4]] != [evil_mac]


def test_an_advertisement_for_oneself_is_let_through(own_host: object, tmp_path: Path) -> None:
    """The twin of the test above: what is refused there is refused for its content, not for its form."""
    world = World(tmp_path)
    network = world.network(ipv6=True)
    victim, victims = world.dual(network, "container/victim", 3)
    evil, own = world.dual(network, "container/evil", 4)
    serve_udp(victim, victims, 80)
    ask_udp(evil, victims, 80)
    evil_mac = pools.mac_of(pools.address_text(pools.bounds(network["subnet"])[0] + 4))
    with netns.socket_in(victim, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD)) as ear:
        ear.bind(("eth0", 0x86DD))
        ear.settimeout(5)
        with netns.socket_in(evil, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD)) as raw:
            raw.bind(("eth0", 0x86DD))
            sent = _advertisement(network, evil_mac, own, own)
            raw.send(sent)
        while ear.recv(2000) != sent:
            continue
