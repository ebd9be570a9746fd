"""What others do to a running stack's network: seen by field, mended by `up`, and programs go on."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from stackup.kernel import netlink, netns, rtnetlink
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


@pytest.mark.deadline(150)
@pytest.mark.parametrize(("killed", "stride"), [("up -d", 6), ("down -v", 11)])
def test_a_kill_at_any_step_must_leave_nothing_of_any_kind_of_network_or_volume(
    net: Net, killed: str, stride: int
) -> None:
    """Some event of the command is its last, here and there; `down` then makes the host what it was before."""
    # Without an address of its own, which the kernel gives and takes as the bridge gets its first port and loses its last.
    os.system("ip link add lan0 type bridge && ip link set lan0 addrgenmode none && ip link set lan0 up")
    for name in ("mine", "plain"):
        (net.folder / name).mkdir()
    (net.folder / "mine/kept").write_text("kept")
    with netlink.Channel() as channel:
        beside = [kind for kind in ("macvlan", "ipvlan") if rtnetlink.has_kind(channel, kind)]
    lans = "".join(f", {kind}: {{driver: {kind}, driver_opts: {{parent: lan0}}}}" for kind in beside)
    net.write(f"""
services:
  web: {net.service(f'hostname: web, networks: [{", ".join(["front", "back", *beside])}], ports: ["8080:80", "[::]:8081:80"]')}
  db:
    image: host
    stop_signal: SIGKILL
    command: [sleep, inf]
    networks: [back]
    volumes: ["t:/t", "b:/b", "p:/p", /anon]
    tmpfs: [/run/x]
networks: {{front: {{enable_ipv6: true}}, back: {{internal: true}}{lans}}}
volumes:
  t: {{driver_opts: {{type: tmpfs, o: size=1m}}}}
  b: {{driver_opts: {{type: none, o: bind, device: ./mine}}}}
  p: {{}}
""")
    net("up -d")  # what is kept for good is there from here on
    net("down -v")
    before = net.machine.inventory()
    for event in range(2, 90, stride):
        if killed != "up -d":
            net("up -d")
        ended = not net.machine.killed_at(event, *killed.split(), cwd=net.folder)
        net("down -v")
        net.machine.must_be_as(before)
        if ended:
            break
    assert ended
    assert event > 9
    assert (net.folder / "mine/kept").read_text() == "kept"


def test_forwarding_must_be_turned_on_and_off_with_a_word(net: Net) -> None:
    net.write(f"services: {{web: {net.service()}}}")
    netns.write_sysctl("net/ipv4/ip_forward", "0")
    told = net.told("--progress plain up -d")
    assert "net.ipv4.ip_forward was off and is turned on until the last network goes" in told
    assert netns.read_sysctl("net/ipv4/ip_forward") == "1"
    assert "on by stackup; the last network to go restores it" in net("doctor")
    assert "ip_forward" not in net.told("--progress plain up -d --force-recreate")
    assert "net.ipv4.ip_forward is off again, as it was found" in net.told("--progress plain down")
    assert netns.read_sysctl("net/ipv4/ip_forward") == "0"
    netns.write_sysctl("net/ipv4/ip_forward", "1")
    assert "ip_forward" not in net.told("--progress plain up -d") + net.told("--progress plain down")
    assert netns.read_sysctl("net/ipv4/ip_forward") == "1"


def test_pools_that_are_exhausted_must_be_named(net: Net) -> None:
    net.write(f"""
services:
  a: {net.service()}
  b: {net.service()}
networks: {{default: {{ipam: {{config: [{{subnet: 10.77.0.0/30}}]}}}}}}
""")
    told = net.told("up -d", code=1)
    assert 'no address is left in "10.77.0.0/30" for "net/container/b#1"' in told
    assert "give the network a larger `ipam.config.subnet`" in told
    net("down -v")
    os.system(
        "ip link add lan0 type bridge && echo 1 > /proc/sys/net/ipv6/conf/lan0/disable_ipv6 && ip address add 10.9.0.1/16 dev lan0 && ip link set lan0 up"
    )
    net.write(
        f"services: {{a: {net.service()}}}\nnetworks: {{default: {{ipam: {{config: [{{subnet: 10.9.3.0/24}}]}}}}}}"
    )
    before = net.machine.inventory()
    told = net.told("up -d", code=1)
    assert 'the subnet "10.9.3.0/24" overlaps "10.9.0.0/16", which this host reaches through "lan0"' in told
    net("down -v")
    net.machine.must_be_as(before)


def test_a_kernel_without_nf_tables_must_do_with_less_and_say_so(net: Net) -> None:
    refuse_netfilter()
    net.write(f"""
services:
  web: {net.service('hostname: web, ports: ["8080:80"]')}
  client: {net.service("hostname: client")}
""")
    before = net.machine.inventory()
    assert "ports are served in user space, and containers do not reach the outside" in net("doctor")
    net("up -d")
    assert net.ask("client", "web").startswith("web ")
    assert net.call("127.0.0.1", 8080).startswith("web ")
    assert "everything is as the file says" in net.told("up -d")
    assert "nothing" in net("plan").lower()
    assert "is taken by" in net.told("-p other up -d web", code=1)
    net("-p other down")
    net("down -v")
    assert netns.read_sysctl("net/ipv4/ip_forward") == "0"
    net.machine.must_be_as(before)


def refuse_netfilter() -> None:
    """From here on, also in children, socket(AF_NETLINK, any, NETLINK_NETFILTER) is answered as by a kernel without it."""
    number = {"x86_64": 41, "aarch64": 198}.get(platform.machine())
    if number is None:
        pytest.skip("the number of socket(2) is not known here")
    load, equal, answer = 0x20, 0x15, 0x06
    refusal = 0x00050000 | errno.EPROTONOSUPPORT  # SECCOMP_RET_ERRNO
    lines = [
        (load, 0, 0, 0), (equal, 0, 5, number), (load, 0, 0, 16), (equal, 0, 3, socket.AF_NETLINK),
        (load, 0, 0, 32), (equal, 0, 1, netlink.NETLINK_NETFILTER), (answer, 0, 0, refusal), (answer, 0, 0, 0x7FFF0000),
    ]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = struct.pack("=HxxxxxxQ", len(lines), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())  # PR_SET_SECCOMP, a filter


def test_records_of_an_earlier_build_must_be_read(net: Net) -> None:
    """Fields that a later build added are taken out of every record; then everything is looked at, changed and removed."""
    net.write(f"services: {{web: {net.service('hostname: web')}}}\nnetworks: {{default: {{}}}}")
    before = net.machine.inventory()
    net("up -d")
    ids = net.ids()
    for file in Path(net.machine.state).glob("stacks/*/*/*/record.json"):
        record = json.loads(file.read_text())
        _forget(record)
        file.write_text(json.dumps(record))
    assert json.loads(net("network inspect net_default"))[0]["EnableIPv6"] is False
    assert "nothing" in net("plan").lower()
    net("up -d")
    assert net.ids() == ids
    net("network create wide")
    net("network connect wide net-web-1")
    net("network disconnect wide net-web-1")
    net("network rm wide")
    net("down -v")
    net.machine.must_be_as(before)


def _forget(record: dict[str, Any]) -> None:
    if record["address"].startswith("network/"):
        for key in ("ipv4", "ipv6", "subnet6", "gateway6", "ip_range6", "reserved", "driver_opts", "labels"):
            record["spec"].pop(key)
        for key in (
            "ipv4",
            "ipv6",
            "subnet6",
            "gateway6",
            "uplink6",
            "parent",
            "mode",
            "apart",
            "masquerade",
            "binding",
        ):
            record["given"].pop(key)
    if record["address"].startswith("container/"):
        for place in record["spec"]["networks"].values():
            for key in ("ipv6", "mac", "interface", "link_local", "options", "priority", "gw_priority"):
                place.pop(key)
        record["given"]["addresses"] = {key: pair[0] for key, pair in record["given"]["addresses"].items()}
