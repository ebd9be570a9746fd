"""ipvlan, which the development machines' kernels are built without."""

from __future__ import annotations

import json

import pytest

from tests.vm.inside.whole import Whole, shell


@pytest.mark.parametrize("mode", ["l2", "l3"])
def test_containers_share_the_links_own_address(whole: Whole, mode: str) -> None:
    shell("ip link add lan0 type dummy && ip link set lan0 up")
    try:
        _between_two(whole, mode)
        whole.stackup("down", "-v", "-t", "1")
    finally:
        shell("ip link delete lan0")


def _between_two(whole: Whole, mode: str) -> None:
    whole.write(f"""
name: lan
services:
  web:
    image: host
    init: true
    command: [python3, -c, "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=80)"]
    networks: {{lan: {{ipv4_address: 10.44.0.80}}}}
    healthcheck: {{test: [CMD, python3, -c, "import socket; socket.create_connection(('127.0.0.1', 80))"], interval: 1s}}
  client: {{image: host, init: true, command: [sleep, "600"], networks: [lan]}}
networks:
  lan:
    driver: ipvlan
    driver_opts: {{parent: lan0, ipvlan_mode: {mode}}}
    ipam: {{config: [{{subnet: 10.44.0.0/24}}]}}
""")
    assert "not honoured" not in whole.told("up", "-d", "--wait")
    ask = "import urllib.request as u; print(u.urlopen('http://web', timeout=9).status)"
    assert whole.stackup("exec", "-T", "client", "python3", "-c", ask).strip() == "200"
    link = json.loads(whole.stackup("exec", "-T", "web", "ip", "-j", "-d", "link", "show", "eth0"))[0]
    assert link["linkinfo"]["info_data"]["mode"] == mode
    parent = json.loads(shell("ip -j link show lan0"))[0]
    assert link["address"] == parent["address"]
    whole.stackup("plan", "--detailed-exitcode", code=0)
