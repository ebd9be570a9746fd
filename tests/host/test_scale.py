"""Many networks and many containers: the kernel's limit is said in words, and the last attach costs what the first did."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stackup.kernel import netns, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.runtime.network import rules
from tests.host.lab import World, ask_tcp, link_names, serve_tcp

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_a_bridge_that_is_full_says_so(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network(subnet="10.90.0.0/16")
    inside = netns.open_pin(network["pin_file"])
    last = world.endpoint(network, "container/last", 2000)
    with Channel(ns_fd=inside) as channel:
        master = rtnetlink.index_of(rules.BRIDGE_LINK, inside)
        fd = world.pins["container/last"]
        channel.require(
            [rtnetlink.add_veth(f"p{n}", rtnetlink.VethPeer(f"q{n}", fd), master=master) for n in range(1023)]
        )
    outcome = world.driver.attach(network, [last])[0]
    assert str(outcome) == 'network "default" is full: the kernel gives a bridge 1,023 ports'


def test_many_networks_are_made_and_removed(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    before = link_names()
    made = [world.network(f"n{number}", ipv6=number % 2 == 0) for number in range(100)]
    assert len({network["subnet"] for network in made}) == 100
    assert len({network["subnet6"] for network in made if network["ipv6"]}) == 50
    web, address = world.dual(made[98], "container/web", 2)
    serve_tcp(web, address, 80)
    assert ask_tcp(-1, address, 80).endswith(" hello")
    print([round(seconds * 1000, 1) for seconds in _timed(world, 3)], "ms each for three more")
    for network in made:
        assert world.driver.remove(network) == []
    assert {name for name in link_names() - before if name.startswith("su")} <= {
        network["link"] for network in (world.network(f"more{number}") for number in range(3))
    }


def _timed(world: World, count: int) -> list[float]:
    found = []
    for number in range(count):
        began = time.perf_counter()
        world.network(f"more{number}")
        found.append(time.perf_counter() - began)
    return found
