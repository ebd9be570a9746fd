"""Keys of networks and of a service's place on one: each as a stack file says it, seen from inside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_keys_of_an_attachment_must_take_effect(net: Net) -> None:
    net.write(f"""
services:
  web: {
        net.service('''hostname: web, mac_address: "02:42:00:00:00:01", networks: {
      front: {priority: 5, gw_priority: 1, link_local_ips: [169.254.9.9],
              driver_opts: {com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.log_martians=1}},
      back: {interface_name: lan0, mac_address: "02:42:00:00:00:02", ipv4_address: 10.77.0.77, aliases: [data]}}''')
    }
  client: {net.service("networks: [back]")}
networks:
  front: {{attachable: true, driver_opts: {{com.docker.network.driver.mtu: "1400",
           com.docker.network.bridge.name: br-front, com.docker.network.container_iface_prefix: lan}}}}
  back:
    ipam:
      config:
        - subnet: 10.77.0.0/24
          ip_range: 10.77.0.64/26
          gateway: 10.77.0.254
          aux_addresses: {{printer: 10.77.0.64, door: 10.77.0.65}}
""")
    before = net.machine.inventory()
    told = net.told("up -d")
    assert "not honoured" not in told
    links = {one["ifname"]: one for one in json.loads(net.run("web", "ip", "-j", "address"))}
    assert sorted(links) == ["lan0", "lan1", "lo"]
    assert links["lan1"]["address"] == "02:42:00:00:00:01"
    assert links["lan1"]["mtu"] == 1400
    assert "169.254.9.9" in [address["local"] for address in links["lan1"]["addr_info"]]
    assert links["lan0"]["address"] == "02:42:00:00:00:02"
    assert net.run("web", "cat", "/proc/sys/net/ipv4/conf/lan1/log_martians") == "1"
    assert json.loads(net.run("web", "ip", "-j", "route", "show", "default"))[0]["dev"] == "lan1"
    client = net.look("client", "client")
    assert client == "10.77.0.66", "the first of the range that is not kept free"
    assert net.ask("client", "data") == f"web {client}"
    assert "br-front:" in Path("/proc/net/dev").read_text()
    net("down -v")
    net.machine.must_be_as(before)


def test_options_of_a_network_must_take_effect(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('hostname: web, ports: ["8080:80", "0.0.0.0:8081:80"]')}
  client: {net.service()}
networks:
  default:
    driver_opts:
      com.docker.network.bridge.enable_icc: "false"
      com.docker.network.bridge.host_binding_ipv4: 127.0.0.1
""")
    net("up -d")
    assert "127.0.0.1:8080->80/tcp" in net("ps --format {{.Ports}} web")
    assert net.call("127.0.0.1", 8080).startswith("web")
    address = net.look("client", "web")
    assert "timed out" in net.ask("client", "web") or "No route" in net.ask("client", "web")
    gateway = net.run("client", "python3", "-c", "import socket; print(socket.gethostbyname('web'))")
    assert gateway == address
    assert net.ask("web", address).startswith("web")


def test_links_to_other_stacks_must_have_their_alias(net: Net) -> None:
    net.write(f"services: {{db: {net.service('hostname: db, container_name: the-db')}}}", name="data")
    net("up -d")
    net.write(f"""
services:
  web: {net.service('external_links: ["the-db:store", the-db]')}
  other: {net.service()}
networks: {{default: {{external: true, name: data_default}}}}
""")
    told = net.told("up -d")
    assert "not honoured" not in told
    assert net.ask("web", "store").startswith("db ")
    assert net.ask("web", "the-db").startswith("db ")
    assert "not known" in net.look("other", "store")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('mac_address: "01:00:5e:00:00:01"', "is no address of one link"),
        ("networks: {default: {interface_name: lo}}", '"lo" is no name of an interface'),
        ("networks: {default: {interface_name: an-interface-too-long}}", "is no name of an interface"),
        ("networks: {default: {link_local_ips: [10.0.0.1]}}", "is not in 169.254.0.0/16 or fe80::/10"),
        ('networks: {default: {driver_opts: {com.docker.network.driver.mtu: "1"}}}', "from 68 to 65535"),
        (
            "networks: {default: {driver_opts: {com.docker.network.endpoint.sysctls: kernel.x=1}}}",
            "net.ipv4.conf.IFNAME",
        ),
    ],
)
def test_wrong_values_must_be_told_by_line(net: Net, keys: str, said: str) -> None:
    net.write(f"services:\n  web: {net.service(keys)}\n")
    told = net.told("up -d", code=1)
    assert said in told
    assert "stack.yaml:3:" in told
