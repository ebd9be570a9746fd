"""What others do to a running stack's network: seen by field, mended by `up`, and programs go on."""

from __future__ import annotations

import json
import os

import pytest

from stackup.kernel import netns
from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_what_was_taken_away_must_be_seen_and_mended(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('hostname: web, ports: ["8080:80"]')}
networks: {{default: {{enable_ipv6: true}}}}
""")
    before = net.machine.inventory()
    net("up -d")
    ids = net.ids()
    uplink = json.loads(net("network inspect net_default"))[0]["Uplink"]
    assert net.call(uplink["IPv6"][0], 8080).startswith("web")
    for harm, field in (
        ("nft flush ruleset", "rules"),
        ("nft delete table ip6 stackup", "rules"),
        ("nft flush map ip6 stackup published", "ports"),
        ("nft flush set ip stackup uplinks", "rules"),
        (f"ip link delete {uplink['Link']}", "uplink"),
        (f"ip -6 route flush dev {uplink['Link']}", "uplink"),
        ("echo 0 > /proc/sys/net/ipv4/ip_forward", "rules"),
        ("echo 0 > /proc/sys/net/ipv6/conf/all/forwarding", "rules"),
    ):
        assert os.system(harm) == 0
        assert field in net("plan"), harm
        assert "everything is as the file says" not in net.told("up -d"), harm
        assert net.ids() == ids
        assert net.call(uplink["IPv6"][0], 8080).startswith("web"), harm
        assert net.call("127.0.0.1", 8080).startswith("web"), harm
        assert "everything is as the file says" in net.told("up -d"), harm
    net("down -v")
    assert netns.read_sysctl("net/ipv4/ip_forward") == "0"
    net.machine.must_be_as(before)


def test_a_kill_at_any_write_must_be_mended_or_cleared_away(net: Net) -> None:
    """Live attach, killed at each of its events: the next `up` makes it whole."""
    net.write(f"""
services:
  web: {net.service("hostname: web, networks: [front]")}
  db: {net.service("hostname: db, networks: [front, back]")}
networks: {{front: {{}}, back: {{}}}}
""")
    net("up -d")
    ids, text = net.ids(), net.file.read_text()
    for event in range(1, 12):
        net.edit(lambda _: text.replace("hostname: web, networks: [front]", "hostname: web, networks: [back]"))
        ended = not net.machine.killed_at(event, "up", "-d", cwd=net.folder)
        net("up -d")
        assert net.ask("db", "web").startswith("web ")
        assert net.ids() == ids
        net.edit(lambda _: text)
        net("up -d")
        assert len(net.run("web", "ip", "-o", "link").splitlines()) == 2
        if ended:
            break
