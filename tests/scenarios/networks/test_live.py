"""Networks of running services: plugged in and pulled out by an edit, while programs and their connections go on."""

from __future__ import annotations

import socket

import pytest

from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]


def pids(net: Net) -> list[str]:
    """Of each container's own program, by the host's numbers."""
    return [words[1] for line in net("top").splitlines() if len(words := line.split()) > 3]


def test_networks_must_come_and_go_while_programs_run(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('hostname: web, ports: ["8080:80"], networks: [main]')}
  other: {net.service("hostname: other, networks: [aside]")}
  friend: {net.service("hostname: friend, networks: [main]")}
networks: {{main: {{}}, aside: {{enable_ipv6: true}}, zone: {{internal: true}}}}
""")
    net.file.write_text(net.file.read_text().replace("}", "}"))
    before, text = net.machine.inventory(), net.file.read_text()
    net("up -d")
    programs, ids = pids(net), net.ids()
    main = net.look("friend", "web")
    with socket.create_connection((main, 80), 5) as talk:
        assert talk.makefile().readline().startswith("web")

        def goes_on() -> None:
            talk.sendall(b"still here\n")
            assert talk.recv(100) == b"still here\n"

        # another network, first by name: the interface that is there keeps its name, ports move to the new gateway
        wanted = "networks: {main: {}, aside: {aliases: [data], ipv4_address: 10.99.0.9}}"
        net.edit(lambda text: text.replace("networks: [main]", wanted, 1))
        pool = "enable_ipv6: true, ipam: {config: [{subnet: 10.99.0.0/24}]}"
        net.edit(lambda text: text.replace("enable_ipv6: true", pool))
        net("up -d other")  # its network is another one now
        programs = pids(net) if net.ids()["net-other-1"] != ids["net-other-1"] else programs
        ids = net.ids()
        plan = net("plan")
        assert "networks.aside" in plan
        assert "recreate" not in plan
        net("up -d")
        goes_on()
        assert (pids(net), net.ids()) == (programs, ids)
        assert net.ask("other", "data").startswith("web ")
        assert net.ask("web", "other").startswith("other ")
        assert "10.99.0.9" in net.run("web", "cat", "/etc/hosts")
        assert net.call("127.0.0.1", 8080).startswith("web")
        assert "everything is as the file says" in net.told("up -d")

        # another alias and another address there: the other network does not notice
        net.edit(lambda text: text.replace("aliases: [data]", "aliases: [store]").replace("10.99.0.9}", "10.99.0.77}"))
        net("up -d")
        goes_on()
        assert net.look("other", "store").split()[0] == "10.99.0.77"
        assert "not known" in net.look("other", "data")
        assert net.call("127.0.0.1", 8080).startswith("web")

        # a restart of the program finds everything as it was
        net("restart web")
        assert net.look("other", "store").split()[0] == "10.99.0.77"
        programs = pids(net)

    with socket.create_connection((main, 80), 5) as talk:
        assert talk.makefile().readline().startswith("web")
        # and out again, together with a new internal one; the network that nobody uses goes as well
        wanted = "networks: {main: {}, aside: {aliases: [store], ipv4_address: 10.99.0.77}}"
        net.edit(lambda text: text.replace(wanted, "networks: [main, zone]"))
        net.edit(lambda text: text.replace("networks: [aside]", "networks: [zone]"))
        plan = net("plan")
        assert "recreate" not in plan, plan
        net("up -d")
        talk.sendall(b"still here\n")
        assert talk.recv(100) == b"still here\n"
        assert (pids(net), net.ids()) == (programs, ids)
        assert net.ask("other", "web").startswith("web ")
        assert net.ask("web", "other").startswith("other ")
        assert net.call("127.0.0.1", 8080).startswith("web")
        links = net.run("web", "ip", "-o", "link").splitlines()
        assert len(links) == 3
        assert "everything is as the file says" in net.told("up -d")
    net("down -v")
    net.file.write_text(text)
    net.machine.must_be_as(before)


def test_two_services_must_exchange_their_addresses(net: Net) -> None:
    net.write(f"""
services:
  one: {net.service("hostname: one, networks: {default: {ipv4_address: 10.98.0.5}}")}
  two: {net.service("hostname: two, networks: {default: {ipv4_address: 10.98.0.6}}")}
networks: {{default: {{ipam: {{config: [{{subnet: 10.98.0.0/24}}]}}}}}}
""")
    net("up -d")
    programs = pids(net)
    net.edit(lambda text: text.replace("0.5}", "0.X}").replace("0.6}", "0.5}").replace("0.X}", "0.6}"))
    net("up -d")
    assert pids(net) == programs
    assert net.look("one", "two") == "10.98.0.5"
    assert net.ask("one", "10.98.0.5") == "two 10.98.0.6"


def test_a_stopped_service_must_start_on_its_new_networks(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service("hostname: web, networks: [main]")}
  other: {net.service("hostname: other, networks: [main, aside]")}
networks: {{main: {{}}, aside: {{}}}}
""")
    net("up -d")
    net("stop web")
    net.edit(lambda text: text.replace("hostname: web, networks: [main]", "hostname: web, networks: [aside]"))
    net("up -d")
    assert net.ask("other", "web").startswith("web ")
    assert len(net.run("web", "ip", "-o", "link").splitlines()) == 2
