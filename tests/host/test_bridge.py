"""The bridge driver with real links, rules and packets, on a host of the test's own."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.kernel import netlink, netns, rtnetlink
from stackup.runtime.network import claims, firewall, pools, ports, roster
from stackup.runtime.network.bridge import FORWARDING, Bridge
from stackup.runtime.network.driver import Network
from stackup.runtime.network.pools import Wish
from stackup.runtime.network.ports import Published
from tests.host.lab import (
    OUTSIDE,
    OUTSIDE_HOST,
    World,
    ask_tcp,
    ask_udp,
    link_names,
    nft,
    open_in,
    serve_tcp,
    serve_udp,
)

pytestmark = pytest.mark.host


def published(port: int, address: str, target: int, *, host_ip: str = "", protocol: str = "tcp") -> Published:
    return {"host_ip": host_ip, "port": port, "protocol": protocol, "address": address, "target": target}


def test_containers_of_a_network_reach_each_other(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    client, own = world.container(network, "container/client", 3)
    serve_tcp(web, address, 80)
    assert ask_tcp(client, address, 80) == f"{own} hello"


def test_the_host_reaches_a_container_and_the_gateway_is_the_host(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    serve_tcp(web, address, 80)
    assert ask_tcp(-1, address, 80).endswith(" hello")
    serve_tcp(-1, "0.0.0.0", 9000)
    assert ask_tcp(web, network["uplink"][0], 9000) == f"{address} hello"
    assert ask_tcp(web, network["gateway"], 9000) == f"{address} hello"


def test_outgoing_traffic_leaves_as_the_host(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    web, _ = world.container(world.network(), "container/web", 2)
    serve_tcp(outside, OUTSIDE, 80)
    serve_udp(outside, OUTSIDE, 53)
    assert ask_tcp(web, OUTSIDE, 80) == f"{OUTSIDE_HOST} hello"
    assert ask_udp(web, OUTSIDE, 53) == f"{OUTSIDE_HOST} hello"


def test_an_internal_network_has_no_way_out(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network("back", internal=True)
    db, address = world.container(network, "container/db", 2)
    client, own = world.container(network, "container/client", 3)
    serve_tcp(outside, OUTSIDE, 80)
    serve_tcp(db, address, 5432)
    with pytest.raises(OSError, match="unreachable"):
        ask_tcp(db, OUTSIDE, 80)
    with pytest.raises(OSError, match="unreachable"):
        ask_tcp(-1, address, 5432)
    assert ask_tcp(client, address, 5432) == f"{own} hello"
    assert world.driver.observe(network)["internal"] is True
    assert netns.read_sysctl(FORWARDING) == "0"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_port_published_on_all_addresses(own_host: object, tmp_path: Path, protocol: str) -> None:
    world = World(tmp_path)
    outside = world.outside()
    web, address = world.container(world.network(), "container/web", 2)
    (serve_tcp if protocol == "tcp" else serve_udp)(web, address, 80)
    ask = ask_tcp if protocol == "tcp" else ask_udp
    port = published(8080, address, 80, protocol=protocol)
    ports.publish([port])
    assert firewall.observe([port]) == [True]
    assert ask(outside, OUTSIDE_HOST, 8080) == f"{OUTSIDE} hello", "the client's address is preserved"
    assert ask(-1, OUTSIDE_HOST, 8080).endswith(" hello")
    assert ask(-1, "127.0.0.1", 8080).endswith(" hello")
    ports.unpublish([port])
    assert firewall.observe([port]) == [False]
    with pytest.raises(OSError, match="refused"):
        ask(-1, "127.0.0.1", 8080)


def test_a_port_published_on_one_address_is_not_on_another(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    web, address = world.container(world.network(), "container/web", 2)
    serve_tcp(web, address, 80)
    ports.publish(
        [published(8080, address, 80, host_ip="127.0.0.1"), published(8081, address, 80, host_ip=OUTSIDE_HOST)]
    )
    assert ask_tcp(-1, "127.0.0.1", 8080).endswith(" hello")
    assert ask_tcp(outside, OUTSIDE_HOST, 8081) == f"{OUTSIDE} hello"
    with pytest.raises(OSError, match="refused"):
        ask_tcp(outside, OUTSIDE_HOST, 8080)
    with pytest.raises(OSError, match="refused"):
        ask_tcp(-1, "127.0.0.1", 8081)


@pytest.mark.parametrize("forwarding", ["0", "1"])
def test_a_machine_with_a_route_reaches_neither_containers_nor_loopback(
    own_host: object, tmp_path: Path, forwarding: str
) -> None:
    netns.write_sysctl(FORWARDING, forwarding)
    world = World(tmp_path)
    outside = world.outside()
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    serve_tcp(web, "0.0.0.0", 80)
    ports.publish([published(8080, address, 80, host_ip="127.0.0.1")])
    with netlink.Channel(ns_fd=outside) as channel:
        channel.require([rtnetlink.set_route("default", via=OUTSIDE_HOST)])
    for there, port in ((address, 80), (network["uplink"][1], 80)):
        with pytest.raises(OSError, match="timed out"):
            ask_tcp(outside, there, port, patience_s=0.1)


def test_a_container_does_not_reach_the_loopback_of_the_host(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    web, _ = world.container(network, "container/web", 2)
    heard: list[bytes] = []
    serve_udp(-1, "127.0.0.1", 7000, lambda data, _: heard.append(data) or b"")
    inside = netns.open_pin(network["pin_file"])
    for place, gateway in ((web, network["gateway"]), (inside, network["uplink"][0])):
        with netns.Inside(place):  # also when somebody opened the way inside, the host refuses
            netns.write_sysctl("net/ipv4/conf/all/route_localnet", "1")
            os.system("ip rule add pref 1 to 127.0.0.0/8 lookup 9; ip rule add pref 2 lookup local; ip rule del pref 0")
            os.system(f"ip route add 127.0.0.0/8 via {gateway} table 9")
            with open_in(-1, socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"let me in", ("127.0.0.1", 7000))
    assert ask_udp(-1, "127.0.0.1", 7000, "from the host itself") == ""
    assert heard == [b"from the host itself"]


def test_a_container_reaches_its_own_published_port_by_the_address_of_the_host(
    own_host: object, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.outside()
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    sibling, _ = world.container(network, "container/sibling", 3)
    serve_tcp(web, address, 80)
    serve_udp(web, address, 80)
    ports.publish([published(8080, address, 80), published(8080, address, 80, protocol="udp")])
    for caller in (web, sibling):
        for host in (OUTSIDE_HOST, network["uplink"][0], network["gateway"]):
            assert ask_tcp(caller, host, 8080).endswith(" hello")
            assert ask_udp(caller, host, 8080).endswith(" hello")


@pytest.mark.parametrize("forwarding", ["0", "1"])
def test_two_networks_do_not_reach_each_other_but_by_published_ports(
    own_host: object, tmp_path: Path, forwarding: str
) -> None:
    netns.write_sysctl(FORWARDING, forwarding)
    world = World(tmp_path)
    world.outside()
    front, back = world.network("front"), world.network("back")
    assert front["subnet"] != back["subnet"]
    web, address = world.container(front, "container/web", 2)
    other, _ = world.container(back, "container/other", 2)
    serve_tcp(web, address, 80)
    ports.publish([published(8080, address, 80)])
    with pytest.raises(OSError, match="timed out"):
        ask_tcp(other, address, 80, patience_s=0.1)
    assert ask_tcp(other, OUTSIDE_HOST, 8080).endswith(" hello")


def test_publishing_moves_in_place(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    network = world.network()
    one, first = world.container(network, "container/web#1", 2)
    two, second = world.container(network, "container/web#2", 3)
    serve_udp(one, first, 53, lambda data, _: b"one")
    serve_udp(two, second, 53, lambda data, _: b"two")
    ports.publish([published(5353, first, 53, protocol="udp")])
    with open_in(outside, socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((OUTSIDE_HOST, 5353))
        client.send(b"?")
        assert client.recv(100) == b"one"
        ports.publish([published(5353, second, 53, protocol="udp")])
        client.send(b"?")
        assert client.recv(100) == b"two", "a tracked flow was forgotten"


def test_a_container_on_two_networks_answers_where_it_was_asked(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    front, back = world.network("front"), world.network("back")
    web, _ = world.container(front, "container/web", 2, table=101)
    _, address = world.container(back, "container/web", 2, link="eth1", default=False, table=102)
    serve_tcp(web, "0.0.0.0", 80)
    ports.publish([published(8080, address, 80)])
    assert ask_tcp(outside, OUTSIDE_HOST, 8080) == f"{OUTSIDE} hello"
    serve_tcp(outside, OUTSIDE, 80)
    assert ask_tcp(web, OUTSIDE, 80) == f"{OUTSIDE_HOST} hello"


def test_a_container_cannot_speak_as_another(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    evil, own = world.container(network, "container/evil", 3)
    heard: list[str] = []
    serve_udp(web, address, 80, lambda _, caller: heard.append(caller) or b"")
    ask_udp(evil, address, 80)  # both know each other's MAC now, so no question about it is needed below
    stolen = address.rpartition(".")[0] + ".77"
    with netlink.Channel(ns_fd=evil) as channel:
        channel.require([rtnetlink.add_address(rtnetlink.index_of("eth0", evil), stolen, 22)])
    with open_in(evil, socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((stolen, 0))
        client.sendto(b"x", (address, 80))
    ask_udp(evil, address, 80)  # on the same way and later: what was sent before has arrived or never will
    assert heard == [own, own]


def neighbour(ns_fd: int, address: str) -> str:
    with netns.Inside(ns_fd), open("/proc/thread-self/net/arp") as table:
        return next(line.split()[3] for line in table if line.split()[0] == address)


def test_a_container_cannot_claim_the_address_of_another(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    web, address = world.container(network, "container/web", 2)
    victim, victims = world.container(network, "container/victim", 3)
    evil, _ = world.container(network, "container/evil", 4)
    serve_udp(web, address, 80)
    serve_udp(victim, victims, 80)
    ask_udp(victim, address, 80)
    ask_udp(evil, victims, 80)
    with netns.Inside(victim):
        netns.write_sysctl("net/ipv4/neigh/eth0/locktime", "0")  # believe a change at once
    right = neighbour(victim, address)
    evil_mac, victim_mac = (pools.mac_of(one).replace(":", "") for one in (address.rpartition(".")[0] + ".4", victims))
    claim = bytes.fromhex(victim_mac + evil_mac + "0806" + "0001080006040002" + evil_mac)
    claim += socket.inet_aton(address) + bytes.fromhex(victim_mac) + socket.inet_aton(victims)
    with netns.socket_in(evil, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as raw:
        raw.bind(("eth0", 0x0806))
        raw.send(claim)
    ask_udp(evil, victims, 80)
    assert neighbour(victim, address) == right == pools.mac_of(address)


def test_making_and_attaching_twice_changes_nothing(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    endpoint = world.endpoint(network, "container/web", 2)
    assert world.driver.attach(network, [endpoint]) == [None]
    serve_tcp(world.pins["container/web"], endpoint["address"], 80)
    before = (link_names(), nft(), world.driver.observe(network))
    assert world.driver.create(network) == network
    assert world.driver.attach(network, [endpoint]) == [None]
    assert (link_names(), world.driver.observe(network)) == (before[0], before[2])
    assert ask_tcp(-1, endpoint["address"], 80).endswith(" hello")


def test_half_made_networks_and_ports_are_adopted(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    endpoint = world.endpoint(network, "container/web", 2)
    world.driver.attach(network, [endpoint])
    with netlink.Channel() as channel:
        channel.require([rtnetlink.delete_link(network["link"])])
    with netlink.Channel(ns_fd=world.pins["container/web"]) as channel:
        channel.require([rtnetlink.delete_link("eth0")])
    os.system("nft flush ruleset")
    assert world.driver.observe(network)["uplink"] is False
    assert world.driver.create(network) == network
    assert world.driver.attach(network, [endpoint]) == [None]
    facts = world.driver.observe(network)
    assert all(facts[name] for name in ("present", "bridge", "uplink", "routed", "admitted")), facts
    serve_tcp(world.pins["container/web"], endpoint["address"], 80)
    assert ask_tcp(-1, endpoint["address"], 80).endswith(" hello")


def test_nothing_is_left_when_the_last_network_is_gone(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    before = (link_names(), netns.read_sysctl(FORWARDING))
    networks = [world.network("front"), world.network("back", internal=True)]
    endpoint = world.endpoint(networks[0], "container/web", 2)
    world.driver.attach(networks[0], [endpoint])
    ports.publish([published(8080, endpoint["address"], 80)])
    assert netns.read_sysctl(FORWARDING) == "1"
    assert world.driver.detach(networks[0], [endpoint]) == [None]
    assert world.driver.observe(networks[0])["members"] == []
    assert rtnetlink.index_of("eth0", world.pins["container/web"]) == 0
    assert world.driver.detach(networks[0], [endpoint]) == [None]
    for network in networks:
        assert world.driver.remove([network]) == [None]
        assert world.driver.remove([network]) == [None]
        assert world.driver.observe(network) == {"present": False}
    assert (link_names(), netns.read_sysctl(FORWARDING)) == before
    assert [entry for entry in nft()["nftables"] if "metainfo" not in entry] == []
    assert [*claims.every(world.run_dir)] == []
    assert {*os.listdir(world.run_dir)}.isdisjoint({"host.json", "claims"})


def test_forwarding_that_was_on_stays_on(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    netns.write_sysctl(FORWARDING, "1")
    network = world.network()
    assert "forwarding" not in claims.read(world.run_dir)
    assert world.driver.remove([network]) == [None]
    assert netns.read_sysctl(FORWARDING) == "1"


def test_stacks_that_come_up_at_once_never_share_a_subnet(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    made: list[Network] = []
    failed: list[BaseException] = []

    def make(stack: str) -> None:
        try:
            made.append(Bridge(world.run_dir).create(world.spec(stack=stack)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=make, args=(f"stack{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len({network["subnet"] for network in made}) == len({network["uplink"][0] for network in made}) == 8
    for network in made:
        facts = world.driver.observe(network)
        assert all(facts[name] for name in ("present", "bridge", "uplink", "routed", "admitted")), facts
        assert world.driver.remove([network]) == [None]
    assert netns.read_sysctl(FORWARDING) == "0"


def test_a_network_serves_several_stacks(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network("shared", stack="_")
    names_file = f"{world.run_dir}/names.json"
    chosen = {}
    for stack in ("one", "two"):
        key = f"{stack}/container/web"
        taken = [network["gateway"]]
        chosen |= roster.claim_addresses(names_file, "shared", {key: Wish()}, subnet=network["subnet"], taken=taken)
        endpoint = world.endpoint(network, key, 0, stack=stack, key="container/web", address=chosen[key])
        assert world.driver.attach(network, [endpoint]) == [None]
        assert world.driver.observe_endpoints(network, [endpoint]) == [{"plugged": True, "address": chosen[key]}]
    serve_tcp(world.pins["one/container/web"], chosen["one/container/web"], 80)
    answer = ask_tcp(world.pins["two/container/web"], chosen["one/container/web"], 80)
    assert answer == f"{chosen['two/container/web']} hello"
    again = roster.claim_addresses(
        names_file, "shared", {"one/container/web": Wish()}, subnet=network["subnet"], taken=[network["gateway"]]
    )
    assert again["one/container/web"] == chosen["one/container/web"]


def test_a_network_keeps_the_subnet_it_was_given_and_refuses_an_overlap(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network("a", subnet="172.30.7.0/24", gateway="172.30.7.254", mtu=1400)
    web, _ = world.container(network, "container/web", 9)
    assert world.driver.observe(network)["gateway"] == "172.30.7.254/24"
    with netlink.Channel(ns_fd=web) as channel:
        assert rtnetlink.links(channel)["eth0"]["mtu"] == 1400
        assert {"target": "default", "via": "172.30.7.254"}.items() <= rtnetlink.routes(channel)[0].items()
    with pytest.raises(HostError, match=r'overlaps "172\.30\.7\.0/24" of network "a" of stack "shop"'):
        world.driver.validate(world.spec("b", subnet="172.30.0.0/16"))
    for wrong, said in (
        ({"subnet": "172.31.0.0/31"}, "too small"),
        ({"subnet": "172.31.0.0/24", "gateway": "172.30.0.1"}, "is outside"),
        ({"subnet": "172.31.0.1/24"}, "bits set"),
        ({"subnet": "172.31/24"}, "is not a subnet such as 10.5.0.0/24"),
    ):
        with pytest.raises(HostError, match=said):
            world.driver.validate(world.spec("b", **wrong))


def test_a_subnet_that_the_host_routes_is_not_chosen(own_host: object, tmp_path: Path) -> None:
    os.system("ip link add vpn0 type bridge; ip link set vpn0 up; ip route add 10.192.0.0/15 dev vpn0 table 77")
    assert World(tmp_path).network()["subnet"] == "10.194.0.0/22"


def test_many_ports_are_one_transaction(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    _, address = world.container(world.network(), "container/web", 2)
    many = [published(port, address, port) for port in range(20000, 23000)]
    ports.publish(many)
    assert all(firewall.observe(many))
    ports.unpublish(many)
    assert not any(firewall.observe(many))


def test_attaching_to_a_container_that_is_gone_says_so(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    endpoint = world.endpoint(network, "container/web", 2)
    with pytest.raises(HostError, match="is not a pinned network namespace"):
        world.driver.attach(network, [{**endpoint, "pin_file": str(tmp_path / "nowhere")}])
    assert world.driver.observe_endpoints(network, [endpoint]) == [{"plugged": False, "address": ""}]
