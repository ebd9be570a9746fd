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


def test_every_flag_of_docker_must_be_taken(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service("hostname: web")}
  client: {net.service("hostname: client")}
networks: {{default: {{}}}}
""")
    before = net.machine.inventory()
    net("up -d")
    ids = net.ids()
    line = "network create --attachable --driver bridge --subnet 10.66.0.0/24,fd00:66::/64 --gateway 10.66.0.254"
    line += " --ip-range 10.66.0.128/25 --aux-address printer=10.66.0.128 --ipv6 --label colour=red --label empty"
    line += " -o com.docker.network.driver.mtu=1400 --ipam-driver default --scope local --internal=false wide"
    wide = net(line).strip()
    net("network create --ipv4=false --ipv6 --internal six")
    assert "changes nothing" in net.told("network create --ipam-opt a=b opted")
    for flag in ("--config-only", "--config-from wide", "--ingress"):
        assert f"{flag.split()[0]} is for swarms" in net.told(f"network create {flag} other", code=None)
    assert '--scope is local here, not "swarm"' in net.told("network create --scope swarm other", code=None)
    line = (
        "network connect --alias data,store --ip 10.66.0.7 --ip6 fd00:66::7 --gw-priority -1 --link net-client-1:friend"
    )
    net(f"{line} --driver-opt com.docker.network.endpoint.ifname=wide0 wide net-web-1")
    net("network connect --link-local-ip 169.254.7.7 wide net-client-1")
    assert net.ids() == ids
    assert "wide0" in net.run("web", "ip", "-o", "link")
    assert "1400" in net.run("web", "cat", "/sys/class/net/wide0/mtu")
    assert net.look("client", "store") == "10.66.0.7 fd00:66::7"
    assert net.ask("web", "friend").startswith("client ")
    assert "not known" in net.look("client", "friend"), "a link is one container's word for another"
    assert "169.254.7.7" in net.run("client", "ip", "-o", "address")
    assert "10.66.0.129" in net.run("client", "ip", "-o", "address"), "the first of the range is kept for the printer"
    net("restart web")
    assert net.ask("web", "friend").startswith("client ")
    net("network disconnect wide net-web-1")
    assert "not known" in net.look("web", "friend")

    assert net("network inspect -f {{.Name}}/{{.EnableIPv4}}/{{.EnableIPv6}} six wide").split() == [
        "six/false/true",
        "wide/true/true",
    ]
    assert net("network inspect --format json wide").startswith('[{"Attachable":true,"ConfigFrom":{"Network":""}')
    assert [one["IPv4Address"] for one in json.loads(net("network inspect -v wide"))[0]["Containers"].values()] == [
        "10.66.0.129/24"
    ]
    assert json.loads(net.machine.typed("network", "inspect", "wide", "no", cwd=net.folder, code=None).stdout)
    assert net("network ls --format {{.Name}}:{{.Internal}}").split() == [
        "net_default:false", "opted:false", "six:true", "wide:false",
    ]  # fmt: skip
    assert net.machine.stackup("network", "ls", "--format", "table {{.ID}}\t{{.Name}}", "--filter", "name=wid",
                               cwd=net.folder).splitlines() == [f"NETWORK ID{' ' * (len(wide[:12]) - 7)}NAME",
                                                                f"{wide[:12]}   wide"]  # fmt: skip
    assert net("network ls -q --no-trunc -f label=colour=red").split() == [wide]
    assert net(f"network ls -q -f id={wide[2:8]}").split() == [wide[:12]]
    for filters, names in (
        ("dangling=true", ["opted", "six"]),
        ("dangling=false", ["net_default", "wide"]),
        ("scope=local", ["net_default", "opted", "six", "wide"]),
        ("scope=swarm", []),
        ("type=builtin", []),
        ("driver=bridge --filter name=s", ["six"]),
        ("label=colour", ["wide"]),
    ):
        assert net(f"network list --format {{{{.Name}}}} --filter {filters}").split() == names, filters
    assert "invalid filter 'type=x'" in net.told("network ls -f type=x", code=None)
    net("network disconnect wide net-client-1")
    assert net("network prune -f --filter until=24h") == ""
    assert net("network prune -f --filter label!=colour --filter until=0s").split() == [
        "Deleted",
        "Networks:",
        "opted",
        "six",
    ]
    assert '"colour" is not a filter' in net.told("network prune -f --filter colour", code=None)
    assert net("network remove wide").strip() == "wide"
    net("down -v")
    net.machine.must_be_as(before)
