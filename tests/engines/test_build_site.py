"""Where steps run: a network of the build's own with a way out, no loopback of the host's, and nothing left of it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from stackup.engines.builtin.build_mounts import Surroundings
from stackup.engines.builtin.engine import BuiltinEngine
from stackup.images.build.request import Unbuildable
from stackup.kernel import abi, calls, netns
from stackup.runtime.network import dns
from tests.engines.yard import BASE, Site
from tests.host.lab import OUTSIDE, World, link_names, nft_text, serve_tcp, serve_udp

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("own_host")]
ASK = "RUN echo hello | nc {} 8080 2>&1 || echo none\n"
HOST = Surroundings(network="host", host_network=True)


def _must_be_clean(site: Site, forwarding: str) -> None:
    assert link_names() <= {"lo", "wan0"}
    assert "stackup" not in nft_text("list", "ruleset")
    assert netns.read_sysctl("net/ipv4/ip_forward") == forwarding
    assert not os.path.exists(site.layout.live_stack_dir(".build"))
    assert not os.path.exists(os.path.join(site.layout.run, "host.json"))
    assert not [group for one in Path("/sys/fs/cgroup").iterdir() for group in one.glob("stackup/.build*")]


def test_a_step_reaches_the_outside_and_not_the_loopback_of_the_host(site: Site, tmp_path: Path) -> None:
    forwarding = netns.read_sysctl("net/ipv4/ip_forward")
    serve_tcp(World(tmp_path).outside(), OUTSIDE, 8080)
    serve_tcp(-1, "127.0.0.1", 8080)
    site.build(BASE + ASK.format(OUTSIDE) + ASK.format("127.0.0.1"))
    assert [line for line in site.said if not line.startswith("nc: ")] == ["198.51.100.1 hello", "none"]
    _must_be_clean(site, forwarding)


def test_names_are_asked_of_the_servers_of_the_host(site: Site, tmp_path: Path) -> None:
    """Also where those listen on its loopback, as systemd-resolved does."""
    servers = tmp_path / "resolv.conf"
    servers.write_text("nameserver 127.0.0.53\nsearch example.org\n")
    calls.mount(str(servers), "/etc/resolv.conf", "", abi.MS_BIND, "")

    def answer(packet: bytes, _caller: str) -> bytes:
        return dns.reply(packet, dns.question(packet), dns.NOERROR, [dns.address_record(b"\x08\x08\x04\x04")])

    serve_udp(-1, "127.0.0.53", 53, answer)
    image = site.build(BASE + "RUN nslookup -type=a example.org | grep 8.8 && cat /etc/resolv.conf > /seen\n")
    assert site.said == ["Address: 8.8.4.4"]
    assert (site.top(image) / "seen").read_text().splitlines()[:2] == ["nameserver 127.0.0.11", "search example.org"]
    assert site.names(image) == ["seen"]


def test_the_network_of_the_host_has_to_be_allowed(site: Site) -> None:
    serve_tcp(-1, "127.0.0.1", 8080)
    asked = BASE + ASK.format("127.0.0.1").replace("RUN", "RUN --network=host")
    with pytest.raises(Unbuildable, match="--network=host is not allowed"):
        site.build(asked)
    site.build(asked, Surroundings(host_network=True))
    assert site.said == ["127.0.0.1 hello"]
    site.build(BASE + ASK.format("127.0.0.1"), HOST)
    assert site.said == ["127.0.0.1 hello"]


def test_what_stands_for_the_host_is_its_end_of_the_way_out(site: Site) -> None:
    serve_tcp(-1, "0.0.0.0", 8080)
    site.build(BASE + ASK.format("outer"), Surroundings(extra_hosts={"outer": ["host-gateway"]}))
    assert site.said[0].endswith(" hello")


def test_two_builds_at_once_share_nothing(site: Site) -> None:
    """Each step waits for the other build's, so that both networks are there at the same time."""
    forwarding = netns.read_sysctl("net/ipv4/ip_forward")
    shared = Surroundings()
    step = "RUN --mount=type=cache,target=/c echo > /c/{}; until [ -f /c/{} ]; do sleep 0.02; done; ip -4 -o addr\n"
    sites = [site, site.beside()]
    texts = [BASE + step.format(*names) for names in (("a", "b"), ("b", "a"))]
    builds = [threading.Thread(target=one.build, args=(text, shared)) for one, text in zip(sites, texts, strict=True)]
    for build in builds:
        build.start()
    for build in builds:
        build.join()
    subnets = {line.split()[3] for one in sites for line in one.said if "eth0" in line}
    assert len(subnets) == 2
    _must_be_clean(site, forwarding)


def test_nothing_is_left_of_a_build_that_was_killed_after_the_next_command(site: Site) -> None:
    forwarding = netns.read_sysctl("net/ipv4/ip_forward")
    site.killed_after(1, BASE + "RUN echo one; while true; do read x < /proc/uptime; done\n")
    assert len(link_names()) > 1
    engine = BuiltinEngine(site.layout, "shop", {})
    engine.sweep()
    engine.close()
    _must_be_clean(site, forwarding)


def test_a_build_that_goes_on_is_left_alone(site: Site) -> None:
    found: list[set[str]] = []

    def swept(_told: object) -> None:
        engine = BuiltinEngine(site.layout, "shop", {})
        engine.sweep()
        engine.close()
        found.append(link_names())

    site.watching = swept
    site.build(BASE + "RUN echo one\n")
    assert any(len(links) > 1 for links in found)
