"""Many networks and many containers: the kernel's limit is said in words, and the last attach costs what the first did."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from stackup.kernel import netns, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.runtime.network import claims, rules
from stackup.runtime.network.bridge import FORWARDING
from tests.host.lab import World, ask_tcp, link_names, nft, serve_tcp

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
    assert world.driver.remove(made) == [None] * 100
    assert {name for name in link_names() - before if name.startswith("su")} == {
        network["link"] for network in (world.network(f"more{number}") for number in range(3))
    }
    assert len([*claims.every(world.run_dir)]) == 3


def test_networks_that_are_removed_together_leave_what_is_not_theirs(own_host: object, tmp_path: Path) -> None:
    """One is gone already, one is internal, and one has lost its link to somebody else's of that name."""
    world = World(tmp_path)
    lost, gone, inner, kept = (
        world.network(name, internal=name == "inner") for name in ("lost", "gone", "inner", "kept")
    )
    assert world.driver.remove([gone]) == [None]
    assert os.system(f"ip link delete {lost['link']} && ip link add {lost['link']} type bridge") == 0
    assert world.driver.remove([lost, gone, inner]) == [None] * 3
    assert {lost["link"], kept["link"]} <= link_names()
    assert not any(netns.is_pinned(network["pin_file"]) for network in (lost, gone, inner))
    assert world.driver.observe(kept)["admitted"] is True
    assert world.driver.remove([kept]) == [None]
    assert nft()["nftables"][1:] == []


def test_the_hosts_table_is_replaced_only_when_it_is_another(own_host: object, tmp_path: Path) -> None:
    """A transaction that replaces rules makes its sender wait 10 ms for the kernel's readers."""
    world = World(tmp_path)

    def handles() -> list[int]:
        return [
            entry["rule"]["handle"] for entry in nft("list", "table", "ip", "stackup")["nftables"] if "rule" in entry
        ]

    world.network("a")
    first = handles()
    world.network("b")
    assert handles() == first
    for harm in ("flush chain ip stackup forward", "delete table ip stackup"):
        nft(*harm.split())
        other = world.network("c" + harm[:1])
        assert len(handles()) == len(first), harm
        assert world.driver.observe(other)["admitted"] is True


def test_claims_of_an_earlier_build_are_taken_over(own_host: object, tmp_path: Path) -> None:
    """Version 1 had them all in one file."""
    world = World(tmp_path)
    made = world.network("a", ipv6=True)
    claim = claims.of(world.run_dir, made["link"])
    shutil.rmtree(f"{world.run_dir}/claims")
    held = {**claims.read(world.run_dir), "version": 1, "networks": {made["link"]: claim}}
    Path(world.run_dir, "host.json").write_text(json.dumps(held))
    other = world.network("b")
    assert other["subnet"] != made["subnet"]
    assert claims.of(world.run_dir, made["link"]) == claim
    assert world.driver.remove([made, other]) == [None, None]
    assert {*os.listdir(world.run_dir)}.isdisjoint({"host.json", "claims"})
    assert netns.read_sysctl(FORWARDING) == "0"


def _timed(world: World, count: int) -> list[float]:
    found = []
    for number in range(count):
        began = time.perf_counter()
        world.network(f"more{number}")
        found.append(time.perf_counter() - began)
    return found
