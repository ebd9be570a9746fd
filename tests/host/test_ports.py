"""Holding ports and serving them in user space, with real clients; who holds one; foreign forward chains; nft's view."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from stackup.errors import HostError, Unsupported
from stackup.kernel import netns, nftables
from stackup.runtime.network import claims, container, dns, firewall, foreign, holder, names, ports, roster, rules
from stackup.runtime.network.bridge import FORWARDING, Bridge
from stackup.runtime.network.holder import PortHolder
from stackup.runtime.network.names import Resolver
from stackup.runtime.network.ports import Published
from tests.host.lab import (
    OUTSIDE,
    OUTSIDE_HOST,
    Loop,
    World,
    ask_tcp,
    ask_udp,
    nft,
    nft_text,
    open_in,
    serve_tcp,
    serve_udp,
)
from tests.runtime.network.test_dns import query

pytestmark = pytest.mark.host


def held(port: int, target: int, *, host_ip: str = "", protocol: str = "tcp") -> Any:
    return {"host_ip": host_ip, "port": port, "target": target, "protocol": protocol}


def end_of(client: socket.socket) -> bool:
    """The other side hung up, politely or not, without a word."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def published(port: int, address: str, target: int, *, host_ip: str = "", protocol: str = "tcp") -> Published:
    return {"host_ip": host_ip, "port": port, "protocol": protocol, "address": address, "target": target}


def test_the_holder_serves_ipv6_and_the_kernel_the_rest(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    serve_tcp(web, address, 80)
    serve_udp(web, address, 80)
    wanted = [held(8080, 80), held(8080, 80, protocol="udp")]
    Loop(PortHolder(wanted, address))
    ports.publish([published(8080, address, 80), published(8080, address, 80, protocol="udp")])
    gateway_side = network["uplink"][0]
    assert ask_tcp(-1, "::1", 8080) == f"{gateway_side} hello"
    assert ask_udp(-1, "::1", 8080) == f"{gateway_side} hello"
    assert ask_tcp(outside, OUTSIDE_HOST, 8080) == f"{OUTSIDE} hello", "through the kernel: the client is seen"
    assert ask_tcp(-1, "127.0.0.1", 8080).endswith(" hello")


def test_without_rules_the_holder_serves_everything(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    serve_tcp(web, address, 80)
    serve_udp(web, address, 80)
    serving = PortHolder([held(8080, 80), held(8080, 80, protocol="udp")], address)
    Loop(serving)
    for caller, host in ((outside, OUTSIDE_HOST), (-1, "127.0.0.1"), (-1, "::1")):
        for _ in range(3):
            assert ask_tcp(caller, host, 8080) == f"{network['uplink'][0]} hello"
            assert ask_udp(caller, host, 8080) == f"{network['uplink'][0]} hello"


def test_the_holder_carries_much_in_both_directions_and_half_closed(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    web, address = world.container(world.network(), "container/web", 2)
    serve_tcp(web, address, 80)
    Loop(PortHolder([held(8080, 80, host_ip="::1")], address))
    sent = os.urandom(1 << 20) * 8
    with open_in(-1, socket.AF_INET6, socket.SOCK_STREAM) as client:
        client.connect(("::1", 8080))

        def send() -> None:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        received = bytearray()
        while block := client.recv(1 << 20):
            received += block
    assert received.partition(b" ")[2] == sent


def test_a_container_that_refuses_is_a_closed_connection_and_not_a_leak(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    web, address = world.container(world.network(), "container/web", 2)
    Loop(PortHolder([held(8080, 80, host_ip="::1")], address))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with open_in(-1, socket.AF_INET6, socket.SOCK_STREAM) as client:
            client.connect(("::1", 8080))
            assert end_of(client)
    serve_tcp(web, address, 80)
    assert ask_tcp(-1, "::1", 8080).endswith(" hello")
    assert len(os.listdir("/proc/self/fd")) < before + 20


def test_closing_gives_the_ports_back(own_host: object, tmp_path: Path) -> None:
    wanted = [held(8080, 80), held(8080, 80, protocol="udp"), held(8081, 80, host_ip="::1")]
    for _ in range(2):
        PortHolder(wanted, "10.9.9.9").close()


def test_a_port_of_the_range_is_chosen_and_held_at_once(own_host: object, tmp_path: Path) -> None:
    first, one = ports.hold(held(0, 80), "8000-8001", str(tmp_path))
    second, two = ports.hold(held(0, 80), "8000-8001", str(tmp_path))
    assert (first["port"], second["port"]) == (8000, 8001)
    with pytest.raises(HostError, match='every port of "8000-8001/tcp" is taken'):
        ports.hold(held(0, 80), "8000-8001", str(tmp_path))
    for each in (*one, *two):
        each.close()
    third, again = ports.hold(held(0, 80), "8000-8001", str(tmp_path))
    assert third["port"] == 8000
    serving = PortHolder([third], "10.9.9.9", held=[again])
    serving.close()


def test_a_free_port_is_the_same_on_both_families(own_host: object, tmp_path: Path) -> None:
    for protocol in ("tcp", "udp"):
        found, bound = ports.hold(held(0, 80, protocol=protocol), "", str(tmp_path))
        assert found["port"] > 1024
        assert {one.getsockname()[1] for one in bound} == {found["port"]}
        assert [one.family for one in bound] == [socket.AF_INET, socket.AF_INET6]


def test_a_taken_port_names_the_process(own_host: object, tmp_path: Path) -> None:
    serve_tcp(-1, "127.0.0.1", 8080)
    with open("/proc/self/comm") as file:
        own = file.read().strip()
    with pytest.raises(HostError, match=rf'port "8080/tcp" is taken by "{own}" \(process 1\)') as caught:
        ports.hold(held(0, 80), "8080", str(tmp_path))
    assert caught.value.code == "port-taken"
    free, _ = ports.hold(held(0, 80, protocol="udp"), "8080", str(tmp_path))
    assert free["port"] == 8080


def test_a_taken_port_names_the_stack(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    _, address = world.container(world.network(), "container/web", 2)
    holder.bind("", 8080, "tcp")[0].detach()
    ports.publish([published(8080, address, 80)])
    with pytest.raises(HostError, match=r'port "127\.0\.0\.1:8080/tcp" is taken by stack "shop"'):
        ports.hold(held(0, 80, host_ip="127.0.0.1"), "8080", world.run_dir)


def test_sctp_is_named_where_the_kernel_lacks_it(own_host: object, tmp_path: Path) -> None:
    wanted = {**held(0, 9000), "protocol": "sctp"}
    if holder.spoken("sctp"):
        assert ports.hold(wanted, "9000", str(tmp_path)) == ({**wanted, "port": 9000}, [])
        return
    with pytest.raises(
        Unsupported, match='port "9000/sctp" cannot be published: this kernel does not speak it'
    ) as caught:
        ports.hold(wanted, "9000", str(tmp_path))
    assert caught.value.hint == "load it: modprobe sctp"


def test_an_address_that_the_host_lacks_is_said(own_host: object, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r'cannot listen on "192\.0\.2\.7:8080/tcp": cannot assign requested address'):
        ports.hold(held(0, 80, host_ip="192.0.2.7"), "8080", str(tmp_path))


def test_the_tables_read_as_nft_would_write_them(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    ports.publish([published(8080, address, 80), published(53, address, 5353, host_ip="127.0.0.1", protocol="udp")])
    text = " ".join(nft_text("list", "table", "ip", "stackup").split())
    for said in (
        f'set uplinks {{ type ifname elements = {{ "{network["link"]}" }} }}',
        "map published { type inet_proto . inet_service : ipv4_addr . inet_service",
        f"elements = {{ tcp . 8080 : {address} . 80 }}",
        f"elements = {{ 127.0.0.1 . udp . 53 : {address} . 5353 }}",
        "type nat hook prerouting priority dstnat; policy accept; ip daddr 127.0.0.0/8 accept "
        "dnat ip to ip daddr . meta l4proto . th dport . numgen inc mod 64 map @shared_at "
        "fib daddr type local dnat ip to meta l4proto . th dport . numgen inc mod 64 map @shared "
        "dnat ip to ip daddr . meta l4proto . th dport map @published_at "
        "fib daddr type local dnat ip to meta l4proto . th dport map @published }",
        "type filter hook prerouting priority raw; policy accept; iifname @uplinks ip daddr 127.0.0.0/8 drop "
        f'comment "{rules.host_table(closed=True).mark}" }}',
        "type filter hook forward priority filter; policy accept; ct state established,related accept "
        "iifname @uplinks oifname != @uplinks accept oifname @uplinks ct status dnat accept oifname @uplinks drop drop }",
        "type nat hook postrouting priority srcnat; policy accept; iifname @unmasked oifname != @uplinks accept "
        "iifname @uplinks masquerade "
        "oifname @uplinks ip saddr 127.0.0.0/8 masquerade }",
    ):
        assert said in text, f"{said}\n\n{text}"
    pin_fd = netns.open_pin(network["pin_file"])
    with netns.Inside(pin_fd):
        inside = " ".join(nft_text("list", "ruleset").split())
    assert f'elements = {{ "{rules.BRIDGE_LINK}' not in inside
    assert f'iifname "bridge" ip daddr {network["gateway"]} meta l4proto tcp dnat to {network["uplink"][0]}' in inside
    with netns.Inside(web):
        own = " ".join(nft_text("list", "ruleset").split())
    assert "ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:61053" in own


def test_forwarding_for_others_stays_closed(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    os.system("ip link add lan0 type veth peer name lan1; ip addr add 192.0.2.1/24 dev lan0; ip link set lan0 up")
    pin_file = f"{world.run_dir}/neighbour/netns"
    netns.create(pin_file)
    neighbour = netns.open_pin(pin_file)
    os.system(f"ip link set lan1 netns {pin_file}")
    with netns.Inside(neighbour):
        os.system("ip addr add 192.0.2.9/24 dev lan1; ip link set lan1 up; ip route add default via 192.0.2.1")
    with netns.Inside(outside):
        os.system(f"ip route add default via {OUTSIDE_HOST}")
    serve_tcp(outside, OUTSIDE, 80)
    netns.write_sysctl(FORWARDING, "1")
    assert ask_tcp(neighbour, OUTSIDE, 80) == "192.0.2.9 hello", "this host could be a router"
    netns.write_sysctl(FORWARDING, "0")
    world.network()
    assert netns.read_sysctl(FORWARDING) == "1"
    with pytest.raises(OSError, match="timed out"):
        ask_tcp(neighbour, OUTSIDE, 80, patience_s=0.2)


DOCKER = """\
table ip filter {
  chain DOCKER-USER { return; }
  chain FORWARD { type filter hook forward priority 0; policy drop; jump DOCKER-USER; }
}
"""
WALL = """\
table inet wall {
  chain passing { type filter hook forward priority 10; iifname "lo" accept; reject; }
}
"""
HARMLESS = """\
table inet calm {
  chain passing { type filter hook forward priority 10; ct state invalid accept; }
}
"""


@pytest.mark.parametrize(
    ("table", "place"), [(DOCKER, ["ip", "filter", "DOCKER-USER"]), (WALL, ["inet", "wall", "passing"])]
)
def test_chains_that_refuse_get_two_rules_and_lose_them(
    own_host: object, tmp_path: Path, table: str, place: list[str]
) -> None:
    (tmp_path / "rules").write_text(f"{table}\n{HARMLESS}\n")
    nft_text("-f", str(tmp_path / "rules"))
    before = nft_text("list", "ruleset")
    world = World(tmp_path)
    outside = world.outside()
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    serve_tcp(outside, OUTSIDE, 80)
    serve_tcp(web, address, 80)
    ports.publish([published(8080, address, 80)])
    assert ask_tcp(web, OUTSIDE, 80) == f"{OUTSIDE_HOST} hello"
    assert ask_tcp(outside, OUTSIDE_HOST, 8080) == f"{OUTSIDE} hello"
    chain = nft_text("list", "chain", *place)
    assert chain.count('accept comment "stackup"') == 2
    assert 'iifname "su*" accept' in chain
    world.driver.create(network)
    assert nft_text("list", "chain", *place) == chain, "a second time changes nothing"
    assert "stackup" not in nft_text("list", "table", "inet", "calm")
    assert world.driver.remove([network]) == [None]
    assert nft_text("list", "ruleset") == before


def test_without_permission_foreign_chains_are_left_alone_and_named(own_host: object, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text(DOCKER)
    nft_text("-f", str(tmp_path / "rules"))
    world = World(tmp_path)
    world.driver = Bridge(world.run_dir, foreign_rules=False)
    before = nft_text("list", "table", "ip", "filter")
    world.network()
    assert nft_text("list", "table", "ip", "filter") == before
    with nftables.open_channel() as channel:
        assert foreign.refusing(channel) == [(nftables.IP, "filter", "FORWARD")]
    assert "foreign" not in claims.read(world.run_dir)


def test_where_publishing_is_not_allowed_the_holder_serves(own_host: object, tmp_path: Path) -> None:
    assert ports.kernel_serves(foreign_rules=False)
    (tmp_path / "rules").write_text(DOCKER)
    nft_text("-f", str(tmp_path / "rules"))
    assert ports.kernel_serves(foreign_rules=True)
    assert not ports.kernel_serves(foreign_rules=False)
    world = World(tmp_path)
    outside = world.outside()
    world.driver = Bridge(world.run_dir, foreign_rules=False)
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    serve_tcp(web, address, 80)
    Loop(PortHolder([held(8080, 80)], address))
    assert ask_tcp(outside, OUTSIDE_HOST, 8080) == f"{network['uplink'][0]} hello"


def test_without_nftables_there_are_names_neighbours_and_ports(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    world.driver = Bridge(world.run_dir, tables=False)
    network = world.network()
    pin_file = f"{world.run_dir}/container/web/netns"
    container.prepare(pin_file, resolver=False)
    world.pins["container/web"] = netns.open_pin(pin_file)
    web, address = world.container(network, "container/web", 2)
    serve_tcp(web, address, 80)
    Loop(PortHolder([held(8080, 80)], address))
    roster.change(f"{world.run_dir}/names", "n", {"a": {"address": address, "names": ["web"], "up": True}})
    Loop(Resolver(names.arguments(pin_file, [f"{world.run_dir}/names"], internal=True, port=53)))
    assert ask_udp_bytes(web, query("web"))[-4:] == socket.inet_aton(address)
    assert ask_tcp(outside, OUTSIDE_HOST, 8080).endswith(" hello")
    assert netns.read_sysctl(FORWARDING) == "0"
    assert "admitted" not in world.driver.observe(network)
    assert world.driver.remove([network]) == [None]
    assert [entry for entry in nft()["nftables"] if "metainfo" not in entry] == []


def ask_udp_bytes(ns_fd: int, packet: bytes) -> bytes:
    with open_in(ns_fd, socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((dns.RESOLVER_ADDRESS, 53))
        client.send(packet)
        return client.recv(4096)


def test_forwarding_that_somebody_turned_off_is_seen_and_mended(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    netns.write_sysctl(FORWARDING, "0")
    assert world.driver.observe(network)["admitted"] is False
    world.driver.create(network)
    assert world.driver.observe(network)["admitted"] is True


def test_a_flushed_ruleset_is_seen_and_mended(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    serve_tcp(web, address, 80)
    port = published(8080, address, 80)
    ports.publish([port])
    nft("flush", "ruleset")
    assert firewall.observe([port]) == [False]
    assert world.driver.observe(network)["admitted"] is False
    world.driver.create(network)
    ports.publish([port])
    assert firewall.observe([port]) == [True]
    assert ask_tcp(-1, "127.0.0.1", 8080).endswith(" hello")
