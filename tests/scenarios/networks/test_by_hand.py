"""`stackup network ...`: networks that outlive stacks, and containers connected and disconnected while they run."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_a_network_made_by_hand_must_outlive_stacks_and_take_containers(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('hostname: web, ports: ["8080:80"]')}
  client: {net.service("hostname: client, networks: [wide]")}
networks: {{wide: {{external: true, name: wide}}}}
""")
    before = net.machine.inventory()
    told = net.told("up -d", code=1)
    assert 'the external network "wide" does not exist' in told
    made = net("network create --subnet 10.66.0.0/24 --gateway 10.66.0.254 --ipv6 --label a=b wide").strip()
    assert made == json.loads(net("network inspect wide"))[0]["Id"]
    assert "network with name wide already exists" in net.told("network create wide", code=1)
    net("up -d")
    ids = net.ids()
    net("network connect --alias data --ip 10.66.0.77 wide net-web-1")
    assert net.ids() == ids
    assert "10.66.0.77" in net.look("client", "data").split()
    assert net.ask("client", "data").startswith("web ")
    assert "is on network wide already" in net.told("network connect wide net-web-1", code=1)
    inspected = json.loads(net("network inspect wide"))[0]
    assert {one["Name"] for one in inspected["Containers"].values()} == {"net-web-1", "net-client-1"}
    assert inspected["IPAM"]["Config"][0] == {"Subnet": "10.66.0.0/24", "Gateway": "10.66.0.254"}
    assert "everything is as the file says" in net.told("up -d"), "what was connected by hand is nobody's drift"
    net("restart web")
    assert "10.66.0.77" in net.look("client", "data").split()
    assert "in use by net-client-1, net-web-1" in net.told("network rm wide", code=1)
    net("network disconnect wide net-web-1")
    assert "not known" in net.look("client", "data")
    net("network disconnect wide net-client-1")
    net("network connect --alias mine wide net-client-1")
    assert net.look("client", "mine")
    net("up -d")
    assert net.ids() == ids
    assert "not known" in net.look("client", "mine"), "what the file says by now is the file's"
    assert net.look("client", "client")
    assert net.call("127.0.0.1", 8080).startswith("web")
    assert "is not on network wide" in net.told("network disconnect wide net-web-1", code=1)
    net("network disconnect -f wide net-web-1")
    assert "outside" in net.told("network connect --ip 10.1.1.1 wide net-web-1", code=1)
    assert "everything is as the file says" in net.told("up -d"), "a connection that failed leaves nothing"
    net("down -v")
    assert net("network ls -q --filter label=a=b").strip() == made[:12]
    assert net("network prune -f").splitlines() == ["Deleted Networks:", "wide"]
    assert net("network ls").splitlines()[1:] == []
    net.machine.must_be_as(before)


def test_a_network_of_the_stack_must_be_the_files_business(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service("hostname: web, networks: [front]")}
  db: {net.service("hostname: db, networks: [back]")}
networks: {{front: {{}}, back: {{}}}}
""")
    net("up -d")
    ids = net.ids()
    net("network connect net_back net-web-1")
    assert net.ask("db", "web").startswith("web ")
    net("network disconnect net_back net-db-1")
    assert "not known" in net.look("web", "db")
    net("up -d")
    assert net.ids() == ids
    assert "not known" in net.look("db", "web")
    assert len(net.run("web", "ip", "-o", "link").splitlines()) == 2
    assert len(net.run("db", "ip", "-o", "link").splitlines()) == 2


def test_what_is_asked_wrongly_must_be_told(net: Net) -> None:
    net.write("services: {}")
    for line, said in (
        ("network create --subnet nonsense wide", "is not a subnet"),
        ("network create --gateway 10.0.0.1 wide", "needs a --subnet"),
        ("network create --subnet 10.1.0.0/24 --subnet 10.2.0.0/24 wide", "one pool a family"),
        ("network create -d overlay wide", "overlay"),
        ("network create -o com.docker.network.driver.mtu=x wide", "driver.mtu"),
        ("network create host", "cannot be the name of a network"),
        ("network create ../x", "cannot be the name of a network"),
        ("network inspect nothing", "network nothing not found"),
        ("network rm nothing", "network nothing not found"),
        ("network connect nothing nobody", "No such container: nobody"),
        ("network ls --filter colour=red", "invalid filter 'colour'"),
    ):
        told = net.told(line, code=None)
        assert said in told, (line, told)
        assert "Traceback" not in told
    assert net("network ls -q") == ""
    assert net.told("network rm -f nothing") == ""
