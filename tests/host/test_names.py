"""The resolver answering real queries inside containers' namespaces; the test's thread is the monitor's loop."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from stackup.runtime.network import dns, names, roster
from stackup.runtime.network.names import Resolver
from stackup.runtime.network.upstream import MOST_PENDING, Upstream
from stackup.runtime.network.watch import Watch
from tests.host.lab import OUTSIDE, OUTSIDE6, Loop, World, open_in, serve_udp
from tests.runtime.network.test_dns import query

pytestmark = pytest.mark.host


def addresses(answer: bytes) -> tuple[int, list[str]]:
    """Code and A records of an answer."""
    _, flags, _, count, _, _ = struct.unpack_from(">6H", answer)
    asked = dns.question(answer)
    assert asked is not None
    records = [answer[asked.end + 16 * place :][:16] for place in range(count)]
    return flags & 0xF, [socket.inet_ntoa(record[12:]) for record in records]


def ask(ns_fd: int, packet: bytes, *, stream: bool = False, server: str = dns.RESOLVER_ADDRESS) -> bytes:
    kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    with open_in(ns_fd, socket.AF_INET, kind) as client:
        client.connect((server, 53))
        if not stream:
            client.send(packet)
            return client.recv(65535)
        client.sendall(struct.pack(">H", len(packet)) + packet)
        received = b""
        while len(received) < 2 or len(received) < 2 + struct.unpack_from(">H", received)[0]:
            block = client.recv(65535)
            assert block, "the resolver hung up"
            received += block
        return received[2:]


class Served:
    """A container on a network, with its resolver running."""

    def __init__(
        self,
        world: World,
        *,
        servers: list[str] | None = None,
        internal: bool = False,
        links: Any = None,
        **network: Any,
    ) -> None:
        self.names_file = f"{world.run_dir}/names.json"
        self.network = world.network(internal=internal, **network)
        self.ns_fd, self.address = world.container(self.network, "container/web", 2)
        self.resolv_file = world.tmp_path / "resolv.conf"
        self.resolv_file.write_text(f"# the host's\nnameserver {OUTSIDE}\n")
        pin_file = f"{world.run_dir}/container/web/netns"
        wanted = names.arguments(
            pin_file,
            [self.names_file],
            servers=servers,
            internal=internal,
            links=links,
            host_resolv=str(self.resolv_file),
        )
        self.resolver = Resolver(wanted)
        Loop(self.resolver)

    def say(self, **members: Any) -> None:
        roster.change(self.names_file, "default", members)


def member(address: str, *said: str, up: bool = True) -> Any:
    return {"address": address, "names": list(said), "up": up}


def test_names_are_answered_over_udp_and_tcp_in_any_case(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(web=member("10.9.0.2", "shop-web-1", "web", "www.shop.test"))
    for stream in (False, True):
        for name in ("web", "WEB", "Shop-Web-1", "www.shop.test", "web.default"):
            assert addresses(ask(served.ns_fd, query(name), stream=stream)) == (dns.NOERROR, ["10.9.0.2"])
        assert addresses(ask(served.ns_fd, query("web", dns.AAAA), stream=stream)) == (dns.NOERROR, [])
        assert addresses(ask(served.ns_fd, query("nobody"), stream=stream)) == (dns.NXDOMAIN, [])


def test_replicas_take_turns_and_dead_ones_leave(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(**{f"web{n}": member(f"10.9.0.{n}", f"web-{n}", "web") for n in (2, 3, 4)})
    first = [addresses(ask(served.ns_fd, query("web")))[1] for _ in range(3)]
    assert {answer[0] for answer in first} == {"10.9.0.2", "10.9.0.3", "10.9.0.4"}
    assert all(len(answer) == 3 for answer in first)
    roster.set_up(served.names_file, "default", "web3", False)
    assert sorted(addresses(ask(served.ns_fd, query("web")))[1]) == ["10.9.0.2", "10.9.0.4"]


def test_an_answer_that_is_remembered_is_forgotten_with_the_names_it_is_made_of(
    own_host: object, tmp_path: Path
) -> None:
    """And it is given to the same question only: another number, spelling or kind is its own."""
    served = Served(World(tmp_path))
    served.say(web=member("10.9.0.2", "web"))
    for number in (5, 6):
        answer = ask(served.ns_fd, query("web", number=number))
        assert answer[:2] == bytes((0, number))
        assert addresses(answer) == (dns.NOERROR, ["10.9.0.2"])
        spelled = query("web", number=number).replace(b"web", b"WEB")
        assert b"WEB" in ask(served.ns_fd, spelled)
        assert addresses(ask(served.ns_fd, query("web", dns.AAAA, number=number)))[1] == []
        assert addresses(ask(served.ns_fd, query("late", number=number)))[0] == dns.NXDOMAIN
    served.say(web=None, late=member("10.9.0.3", "late"))
    assert addresses(ask(served.ns_fd, query("web")))[0] == dns.NXDOMAIN
    assert addresses(ask(served.ns_fd, query("late"))) == (dns.NOERROR, ["10.9.0.3"])
    Path(served.names_file).unlink()
    assert addresses(ask(served.ns_fd, query("late")))[0] == dns.NXDOMAIN


def test_what_is_remembered_is_bounded(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(**{f"web{n}": member(f"10.9.0.{n}", "web") for n in range(1, 21)})
    firsts = {addresses(ask(served.ns_fd, query("web")))[1][0] for _ in range(20)}
    assert len(firsts) == 20, "and many still take turns"
    for number in range(1100):
        assert addresses(ask(served.ns_fd, query(f"nobody{number}")))[0] == dns.NXDOMAIN
    assert 0 < len(served.resolver._replies) <= 1024


def test_an_address_has_a_name(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(web=member("10.9.0.2", "shop-web-1", "web"))
    answer = ask(served.ns_fd, query("2.0.9.10.in-addr.arpa", dns.PTR))
    assert answer.endswith(dns.wire("shop-web-1.default"))


def test_a_large_answer_is_cut_over_udp_and_whole_over_tcp(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(**{f"c{n}": member(f"10.9.0.{n}", "web") for n in range(1, 101)})
    cut = ask(served.ns_fd, query("web"))
    assert len(cut) <= 512
    assert dns.truncated(cut)
    whole = ask(served.ns_fd, query("web"), stream=True)
    assert len(addresses(whole)[1]) == 100
    assert len(addresses(ask(served.ns_fd, query("web", edns=4096)))[1]) == 100


def test_other_names_are_asked_of_the_server_of_the_host_from_the_host(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    callers: list[str] = []

    def answer(packet: bytes, caller: str) -> bytes:
        callers.append(caller)
        return dns.reply(packet, dns.question(packet), dns.NOERROR, [dns.address_record(b"\x08\x08\x04\x04")])

    serve_udp(outside, OUTSIDE, 53, answer)
    served = Served(world)
    assert addresses(ask(served.ns_fd, query("example.org", number=99))) == (dns.NOERROR, ["8.8.4.4"])
    assert ask(served.ns_fd, query("example.org", number=4242))[:2] == struct.pack(">H", 4242)
    assert callers == ["198.51.100.1", "198.51.100.1"]
    served.resolv_file.write_text("nameserver 127.0.0.53\n")
    serve_udp(-1, "127.0.0.53", 53, answer)
    assert addresses(ask(served.ns_fd, query("example.org"))) == (dns.NOERROR, ["8.8.4.4"])
    assert callers[2:] == ["127.0.0.1"]


def test_tcp_queries_are_forwarded_over_tcp(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    listener = open_in(outside, socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((OUTSIDE, 53))
    listener.listen()
    served = Served(world)
    packet = query("example.org", number=5)
    with open_in(served.ns_fd, socket.AF_INET, socket.SOCK_STREAM) as client:
        client.connect((dns.RESOLVER_ADDRESS, 53))
        client.sendall(struct.pack(">H", len(packet)) + packet)
        link, _ = listener.accept()
        link.settimeout(5)
        received = link.recv(65535)
        assert received[4:] == packet[2:]
        reply = dns.reply(received[2:], dns.question(received[2:]), dns.NOERROR, [dns.address_record(b"\1\2\3\4")])
        framed = struct.pack(">H", len(reply)) + reply
        link.sendall(framed[:7])
        link.sendall(framed[7:])
        answer = client.recv(65535)
        assert answer[2:4] == b"\0\5"
        assert addresses(answer[2:]) == (dns.NOERROR, ["1.2.3.4"])


def test_a_server_that_refuses_is_passed_over_and_nobody_left_is_a_failure(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.outside()
    served = Served(world)
    served.resolv_file.write_text("nameserver 127.0.0.2\nnameserver 127.0.0.3\n")
    serve_udp(-1, "127.0.0.3", 53, lambda packet, _: dns.reply(packet, dns.question(packet), dns.NXDOMAIN, []))
    assert addresses(ask(served.ns_fd, query("gone.example.org"))) == (dns.NXDOMAIN, [])
    served.resolv_file.write_text("nameserver 127.0.0.2\n")
    assert addresses(ask(served.ns_fd, query("example.org"))) == (dns.SERVFAIL, [])


def test_an_answer_counts_only_with_its_number_and_its_question(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.outside()
    served = Served(world)
    served.resolv_file.write_text("nameserver 127.0.0.2\n")
    server = open_in(-1, socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.2", 53))
    with open_in(served.ns_fd, socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((dns.RESOLVER_ADDRESS, 53))
        client.send(query("example.org", number=7))
        asked, peer = server.recvfrom(4096)
        true = dns.reply(asked, dns.question(asked), dns.NOERROR, [dns.address_record(b"\1\1\1\1")])
        other = dns.reply(asked, dns.question(asked), dns.NOERROR, [dns.address_record(b"\6\6\6\6")])
        server.sendto(bytes((other[0] ^ 1,)) + other[1:], peer)
        server.sendto(other[:12] + dns.wire("exbmple.org") + other[12 + 13 :], peer)
        server.sendto(asked, peer)
        server.sendto(true, peer)
        assert addresses(client.recv(4096)) == (dns.NOERROR, ["1.1.1.1"])


def test_a_server_that_keeps_silent_is_passed_over(own_host: object, tmp_path: Path) -> None:
    silent = open_in(-1, socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.2", 53))
    serve_udp(-1, "127.0.0.3", 53, lambda packet, _: dns.reply(packet, dns.question(packet), dns.NXDOMAIN, []))
    watch = Watch()
    asking = Upstream(watch, patience_s=0.05)
    for servers, expected in (
        ([("127.0.0.2", -1), ("127.0.0.3", -1)], dns.NXDOMAIN),
        ([("127.0.0.2", -1)], None),
    ):
        answers: list[bytes | None] = []
        asking.ask(query("example.org"), servers, False, answers.append)
        while not answers:
            deadline = asking.deadline()
            assert deadline is not None
            select.select([watch.fileno()], [], [], max(0.0, deadline - time.monotonic()))
            watch.run()
            asking.tick(time.monotonic())
        assert [answer and answer[3] & 0xF for answer in answers] == [expected]
        assert asking.deadline() is None


def wait_for(asking: Upstream, watch: Watch, answers: list[bytes | None], count: int) -> None:
    while len(answers) < count:
        deadline = asking.deadline()
        assert deadline is not None
        select.select([watch.fileno()], [], [], max(0.0, deadline - time.monotonic()))
        watch.run()
        asking.tick(time.monotonic())


def test_a_dead_server_costs_its_patience_once(own_host: object, tmp_path: Path) -> None:
    dead = open_in(-1, socket.AF_INET, socket.SOCK_DGRAM)
    dead.bind(("127.0.0.2", 53))
    dead.setblocking(False)
    serve_udp(-1, "127.0.0.3", 53, lambda packet, _: dns.reply(packet, dns.question(packet), dns.NXDOMAIN, []))
    watch = Watch()
    asking = Upstream(watch, patience_s=0.05)
    answers: list[bytes | None] = []
    for count in range(1, 5):
        asking.ask(query("example.org"), [("127.0.0.2", -1), ("127.0.0.3", -1)], False, answers.append)
        wait_for(asking, watch, answers, count)
    assert [answer and answer[3] & 0xF for answer in answers] == [dns.NXDOMAIN] * 4
    assert len(dead.recv(4096)) > 12
    with pytest.raises(BlockingIOError):
        dead.recv(4096)


def test_a_slow_server_is_waited_for_and_asked_first_again(own_host: object, tmp_path: Path) -> None:
    """It answers the first question after its patience, when it is asked again, and from then on it is no longer last."""
    heard: list[bytes] = []

    def slow(packet: bytes, _: str) -> bytes:
        heard.append(packet)
        if len(heard) == 1:
            return b"not yet"
        return dns.reply(packet, dns.question(packet), dns.NOERROR, [dns.address_record(b"\1\2\3\4")])

    serve_udp(-1, "127.0.0.2", 53, slow)
    watch = Watch()
    asking = Upstream(watch, patience_s=0.05)
    answers: list[bytes | None] = []
    for count in (1, 2):
        asking.ask(query("example.org"), [("127.0.0.2", -1)], False, answers.append)
        wait_for(asking, watch, answers, count)
    assert [addresses(answer)[1] for answer in answers if answer] == [["1.2.3.4"]] * 2
    assert len(heard) == 3


@pytest.mark.parametrize("code", [dns.SERVFAIL, dns.REFUSED, dns.NOTIMP])
def test_a_server_that_will_not_is_passed_over_and_its_word_is_the_last(
    own_host: object, tmp_path: Path, code: int
) -> None:
    world = World(tmp_path)
    served = Served(world)
    serve_udp(-1, "127.0.0.2", 53, lambda packet, _: dns.reply(packet, dns.question(packet), code, []))
    serve_udp(-1, "127.0.0.3", 53, lambda packet, _: dns.reply(packet, dns.question(packet), dns.NXDOMAIN, []))
    served.resolv_file.write_text("nameserver 127.0.0.2\nnameserver 127.0.0.3\n")
    assert addresses(ask(served.ns_fd, query("example.org"))) == (dns.NXDOMAIN, [])
    served.resolv_file.write_text("nameserver 127.0.0.2\n")
    assert addresses(ask(served.ns_fd, query("example.org"))) == (code, [])


def test_names_of_ours_do_not_wait_for_a_dead_server_and_single_labels_ask_nobody(
    own_host: object, tmp_path: Path
) -> None:
    served = Served(World(tmp_path))
    dead = open_in(-1, socket.AF_INET, socket.SOCK_DGRAM)
    dead.bind(("127.0.0.2", 53))
    served.resolv_file.write_text("nameserver 127.0.0.2\n")
    served.say(web=member("10.9.0.2", "web"))
    with open_in(served.ns_fd, socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((dns.RESOLVER_ADDRESS, 53))
        client.send(query("example.org", number=1))
        asked = dead.recv(4096)
        assert dns.question(asked).name == dns.wire("example.org")  # type: ignore[union-attr]
        client.send(query("web", number=2))
        assert addresses(client.recv(4096)) == (dns.NOERROR, ["10.9.0.2"])
        for number, name in enumerate(("nobody", "printer", "localdomain"), 3):
            client.send(query(name, number=number))
            answer = client.recv(4096)
            assert answer[:2] == struct.pack(">H", number)
            assert addresses(answer) == (dns.NXDOMAIN, [])
    dead.setblocking(False)
    with pytest.raises(BlockingIOError):
        dead.recv(4096)


def test_more_questions_than_may_wait_are_refused_at_once(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    dead = open_in(-1, socket.AF_INET, socket.SOCK_DGRAM)
    dead.bind(("127.0.0.2", 53))
    served.resolv_file.write_text("nameserver 127.0.0.2\n")
    with open_in(served.ns_fd, socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((dns.RESOLVER_ADDRESS, 53))
        for number in range(MOST_PENDING + 1):
            client.send(query("example.org", number=number))
            dead.settimeout(5)
            if number < MOST_PENDING:
                dead.recv(4096)
        answer = client.recv(4096)
    assert (answer[:2], addresses(answer)[0]) == (struct.pack(">H", MOST_PENDING), dns.SERVFAIL)


def test_on_a_network_of_ipv6_alone_names_are_answered_and_asked_over_ipv6(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    serve_udp(outside, OUTSIDE6, 53, lambda packet, _: dns.reply(packet, dns.question(packet), dns.NOERROR, [SIXTEEN]))
    served = Served(world, ipv4=False, ipv6=True)
    served.resolv_file.write_text(f"nameserver {OUTSIDE6}\n")
    served.say(web={"address": "", "address6": "fd00:9::2", "names": ["shop-web-1", "web"], "up": True})
    answer = ask(served.ns_fd, query("web", dns.AAAA))
    assert answer.endswith(socket.inet_pton(socket.AF_INET6, "fd00:9::2"))
    assert addresses(ask(served.ns_fd, query("web"))) == (dns.NOERROR, [])
    assert ask(served.ns_fd, query("example.org", dns.AAAA)).endswith(SIXTEEN[-16:])
    digits = socket.inet_pton(socket.AF_INET6, "fd00:9::2").hex()[::-1]
    assert ask(served.ns_fd, query(f"{'.'.join(digits)}.ip6.arpa", dns.PTR)).endswith(dns.wire("shop-web-1.default"))


SIXTEEN = dns.address_record(socket.inet_pton(socket.AF_INET6, "2001:db8::9"))


def test_what_a_server_cuts_is_whole_over_tcp(own_host: object, tmp_path: Path) -> None:
    """Its truncation bit reaches the client, whose question over TCP is asked over TCP."""
    served = Served(World(tmp_path))
    served.resolv_file.write_text("nameserver 127.0.0.2\n")
    many = [dns.address_record(bytes((9, 9, 9, n))) for n in range(100)]
    serve_udp(
        -1, "127.0.0.2", 53, lambda packet, _: dns.reply(packet, dns.question(packet), dns.NOERROR, many, limit=512)
    )
    listener = open_in(-1, socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.2", 53))
    listener.listen()

    def answer_one() -> None:
        link, _ = listener.accept()
        asked = link.recv(4096)[2:]
        reply = dns.reply(asked, dns.question(asked), dns.NOERROR, many)
        link.sendall(struct.pack(">H", len(reply)) + reply)

    threading.Thread(target=answer_one, daemon=True).start()
    assert dns.truncated(ask(served.ns_fd, query("example.org")))
    assert len(addresses(ask(served.ns_fd, query("example.org"), stream=True))[1]) == 100


def test_a_client_with_edns_is_heard_and_its_options_reach_the_server(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.resolv_file.write_text("nameserver 127.0.0.2\n")
    heard: list[bytes] = []
    serve_udp(
        -1,
        "127.0.0.2",
        53,
        lambda packet, _: heard.append(packet) or dns.reply(packet, dns.question(packet), dns.NXDOMAIN, []),  # type: ignore[func-returns-value]
    )
    packet = query("example.org", edns=1232)
    answer = ask(served.ns_fd, packet)
    assert heard[0][2:] == packet[2:]
    assert answer[10:12] == b"\0\1"
    assert ask(served.ns_fd, query("nobody", edns=1232))[10:12] == b"\0\1"
    assert ask(served.ns_fd, query("nobody"))[10:12] == b"\0\0"


def test_a_thousand_names_are_all_found_both_ways(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(**{f"c{n}": member(f"10.9.{n >> 8}.{n & 255}", f"shop-c{n}-1", f"c{n}") for n in range(1000)})
    for n in (0, 1, 255, 256, 512, 999):
        address = f"10.9.{n >> 8}.{n & 255}"
        assert addresses(ask(served.ns_fd, query(f"c{n}"))) == (dns.NOERROR, [address])
        reverse = ".".join(reversed(address.split(".")))
        assert ask(served.ns_fd, query(f"{reverse}.in-addr.arpa", dns.PTR)).endswith(dns.wire(f"shop-c{n}-1.default"))
    served.say(c999=None)
    assert addresses(ask(served.ns_fd, query("c999"))) == (dns.NXDOMAIN, [])


def test_from_an_internal_network_nothing_is_forwarded(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    outside = world.outside()
    heard: list[bytes] = []
    serve_udp(outside, OUTSIDE, 53, lambda packet, _: heard.append(packet) or b"")
    served = Served(world, internal=True)
    served.say(web=member("10.9.0.2", "web"))
    for stream in (False, True):
        assert addresses(ask(served.ns_fd, query("example.org"), stream=stream)) == (dns.NXDOMAIN, [])
        assert addresses(ask(served.ns_fd, query("4.4.8.8.in-addr.arpa", dns.PTR), stream=stream))[0] == dns.NXDOMAIN
        assert addresses(ask(served.ns_fd, query("web"), stream=stream)) == (dns.NOERROR, ["10.9.0.2"])
    assert heard == []


def test_servers_of_the_file_are_asked_from_the_container(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network(internal=True)
    server_fd, server = world.container(network, "container/dns", 9)
    callers: list[str] = []

    def answer(packet: bytes, caller: str) -> bytes:
        callers.append(caller)
        return dns.reply(packet, dns.question(packet), dns.NOERROR, [dns.address_record(b"\1\1\1\1")])

    serve_udp(server_fd, server, 53, answer)
    served = Served(world, servers=[server], internal=True)
    assert addresses(ask(served.ns_fd, query("example.org"))) == (dns.NOERROR, ["1.1.1.1"])
    assert callers == [served.address]


def test_port_53_stays_free_for_the_container(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(web=member("10.9.0.2", "web"))
    own = serve_udp(served.ns_fd, "0.0.0.0", 53, lambda packet, _: b"mine")
    assert ask(served.ns_fd, query("web"), server="127.0.0.1") == b"mine"
    assert addresses(ask(served.ns_fd, query("web"))) == (dns.NOERROR, ["10.9.0.2"])
    own.close()


def test_rubbish_is_answered_or_dropped_and_nothing_breaks(own_host: object, tmp_path: Path) -> None:
    served = Served(World(tmp_path))
    served.say(web=member("10.9.0.2", "web"))
    with open_in(served.ns_fd, socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((dns.RESOLVER_ADDRESS, 53))
        for packet in (
            b"",
            b"x",
            b"\0" * 11,
            query("web")[:-1],
            query("web")[:2] + b"\x81\x80" + query("web")[4:],
            b"\x07\0" * 40,
        ):
            client.send(packet)
        client.send(query("web", number=77))
        answers = []
        while not answers or answers[-1][:2] != b"\0\x4d":
            answers.append(client.recv(65535))
    assert addresses(answers[-1]) == (dns.NOERROR, ["10.9.0.2"])
    assert addresses(ask(served.ns_fd, query("web"), stream=True))[0] == dns.NOERROR


def test_links_are_names_of_one_container_only(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    served = Served(world, links={"db": "database", "gone": "nobody"})
    served.say(database=member("10.9.0.5", "database"))
    assert addresses(ask(served.ns_fd, query("DB"))) == (dns.NOERROR, ["10.9.0.5"])
    assert addresses(ask(served.ns_fd, query("gone"))) == (dns.NXDOMAIN, [])


def test_closing_gives_everything_back(own_host: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    network = world.network()
    world.container(network, "container/web", 2)
    pin_file = f"{world.run_dir}/container/web/netns"
    resolver = Resolver(names.arguments(pin_file, [], servers=[], internal=True))
    assert resolver.timeout() is None
    resolver.close()
    again = Resolver(names.arguments(pin_file, [], servers=[], internal=True))
    again.close()
