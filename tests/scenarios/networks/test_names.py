"""Names as a program's own library asks them: search domains, ndots, options, and what leaves and what does not."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from stackup.kernel.files import list_dir
from stackup.runtime.network import dns
from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]

UPSTREAM = "127.0.0.53"


class Upstream:
    """A name server of the host: it knows `*.shop.test` as 192.0.2.1, and remembers what it was asked."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((UPSTREAM, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(4096)
            asked = dns.question(packet)
            assert asked is not None
            self.heard.append(text_of(asked.name))
            known = self.heard[-1].endswith("shop.test")
            records = [dns.address_record(b"\xc0\0\2\1")] if known and asked.kind == dns.A else []
            self._socket.sendto(dns.reply(packet, asked, dns.NOERROR if known else dns.NXDOMAIN, records), client)


def text_of(wire: bytes) -> str:
    labels = []
    while wire[0]:
        labels.append(wire[1 : 1 + wire[0]].decode())
        wire = wire[1 + wire[0] :]
    return ".".join(labels)


def test_search_domains_and_options_must_be_the_libraries(net: Net) -> None:
    resolv = net.folder / "resolv.conf"
    resolv.write_text(f"nameserver {UPSTREAM}\nsearch host.test\n")
    os.system(f"mount --bind {resolv} /etc/resolv.conf")
    server = Upstream()
    net.write(f"""
services:
  web: {net.service("hostname: web")}
  plain: {net.service("hostname: plain")}
  searching: {net.service("hostname: searching, dns_search: [shop.test, other.test]")}
  dotted: {net.service('hostname: dotted, dns_search: [shop.test], dns_opt: ["ndots:2", "timeout:1", "attempts:1"]')}
  alone: {net.service('hostname: alone, dns_search: ["."]')}
  inner: {net.service("hostname: inner, dns_search: [shop.test], networks: [inside]")}
networks: {{default: {{}}, inside: {{internal: true}}}}
""")
    before = net.machine.inventory()
    net("up -d")
    assert net.run("plain", "cat", "/etc/resolv.conf").splitlines() == [
        "nameserver 127.0.0.11", "search host.test", "options ndots:0",
    ]  # fmt: skip
    assert net.run("dotted", "cat", "/etc/resolv.conf").splitlines() == [
        "nameserver 127.0.0.11", "search shop.test", "options ndots:2 timeout:1 attempts:1",
    ]  # fmt: skip
    assert "search" not in net.run("alone", "cat", "/etc/resolv.conf")

    assert net.ask("searching", "web").startswith("web ")
    assert server.heard == [], "a bare name of ours is asked of nobody else, and before any search domain"
    assert net.look("searching", "printer") == "192.0.2.1"
    assert set(server.heard) == {"printer.shop.test"}
    server.heard.clear()
    assert net.look("searching", "a.shop.test") == "192.0.2.1"
    assert set(server.heard) == {"a.shop.test"}, "a name with dots is asked as it is first"
    server.heard.clear()
    assert net.look("dotted", "b.c") == "192.0.2.1"
    assert set(server.heard) == {"b.c.shop.test"}, "with ndots:2 one dot is too few to be asked as it is"
    assert net.look("dotted", "web") == "192.0.2.1", "and a search domain that has everything comes before our names"
    server.heard.clear()
    assert "not known" in net.look("alone", "printer")
    assert server.heard == []
    for name in ("printer", "a.shop.test", "example.org"):
        assert "known" in net.look("inner", name) or "resolution" in net.look("inner", name)
    assert server.heard == [], "from an internal network nothing leaves"
    net("down -v")
    assert not list_dir(net.machine.run + "/stacks/net")
    net.machine.must_be_as(before)
