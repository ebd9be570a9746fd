"""Networks with IPv6 as users write them: names, addresses, published ports, both families apart."""

from __future__ import annotations

import pytest

from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_a_stack_with_ipv6_must_be_reached_by_name_and_port_and_leave_nothing(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('hostname: web, ports: ["8080:80"], networks: {front: {ipv6_address: "fd12:0:0:7::80"}}')}
  client: {net.service("networks: [front]")}
  lone: {net.service('hostname: lone, ports: ["8081:80"], networks: [six]')}
networks:
  front:
    enable_ipv6: true
    ipam: {{config: [{{subnet: "fd12:0:0:7::/64", gateway: "fd12:0:0:7::1"}}]}}
  six: {{enable_ipv6: true, enable_ipv4: false}}
""")
    before = net.machine.inventory()
    told = net.told("up -d")
    assert "not honoured" not in told
    assert "warning" not in told.lower()
    addresses = net.look("client", "web").split()
    assert len(addresses) == 2
    assert "fd12:0:0:7::80" in addresses
    assert net.ask("client", "fd12:0:0:7::80").startswith("web fd12:0:0:7::")
    assert net.run("client", "python3", "-c", "import socket; print(socket.gethostbyaddr('fd12:0:0:7::80')[0])") == (
        "net-web-1.net_front"
    )
    alone = net.look("lone", "lone")
    assert alone.startswith("fd")
    assert " " not in alone
    for port, name in ((8080, "web"), (8081, "lone")):
        assert net.call("127.0.0.1", port).startswith(name)
        assert net.call("::1", port).startswith(name)
    assert "everything is as the file says" in net.told("up -d")
    ids = net.ids()
    net("restart web")
    assert net.ids() == ids
    assert "fd12:0:0:7::80" in net.look("client", "web")
    net("down -v")
    net.machine.must_be_as(before)


def test_wrong_files_must_be_told_by_line(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('networks: {front: {ipv6_address: "fd12::80"}}')}
networks:
  front:
    ipam:
      config:
        - subnet: 10.9.0.0/24
        - subnet: 10.9.1.0/24
""")
    told = net.told("up -d", code=1)
    assert 'network "front" has no IPv6' in told
    net.edit(lambda text: text.replace('ipv6_address: "fd12::80"', ""))
    told = net.told("up -d", code=1)
    assert 'network "front" has a second IPv4 pool' in told
    assert "stack.yaml:10:" in told
