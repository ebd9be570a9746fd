"""Pieces of a small world for host tests: namespaces, networks, containers, an outside machine, plain TCP and UDP talk.

Everything is made in the test's own host (`own_host`), so nothing is taken down by hand.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stackup.kernel import netlink, netns, rtnetlink
from stackup.runtime.network import container, pools
from stackup.runtime.network.addressing import HostRoutes
from stackup.runtime.network.bridge import Bridge
from stackup.runtime.network.driver import Endpoint, Network, NetworkSpec

PATIENCE_S = 5.0
OUTSIDE, OUTSIDE_HOST = "198.51.100.9", "198.51.100.1"
OUTSIDE6, OUTSIDE_HOST6 = "2001:db8:51::9", "2001:db8:51::1"


def nft(*words: str) -> Any:
    """The ruleset as Debian's nft sees it, or what else is asked of it."""
    done = subprocess.run(["nft", "-j", *(words or ("list", "ruleset"))], check=True, capture_output=True, text=True)
    return json.loads(done.stdout) if done.stdout.strip() else {}


def nft_text(*words: str) -> str:
    return subprocess.run(["nft", *words], check=True, capture_output=True, text=True).stdout


def link_names() -> set[str]:
    with netlink.Channel() as channel:
        return set(rtnetlink.links(channel))


class World:
    """A run folder with its driver, and what was made with it."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.run_dir = str(tmp_path / "run")
        self.driver = Bridge(self.run_dir)
        self.pins: dict[str, int] = {}

    def spec(self, name: str = "default", **changed: Any) -> NetworkSpec:
        spec: NetworkSpec = {
            "stack": "shop",
            "name": name,
            "pin_file": f"{self.run_dir}/network/{changed.get('stack', 'shop')}-{name}/netns",
            "driver": "bridge",
            "internal": False,
            "ipv4": True,
            "ipv6": False,
            "subnet": "",
            "gateway": "",
            "subnet6": "",
            "gateway6": "",
            "mtu": 0,
            "link_name": "",
            "parent": "",
            "mode": "",
            "apart": False,
            "masquerade": True,
            "binding": "",
        }
        spec.update(changed)  # type: ignore[typeddict-item]
        return spec

    def network(self, name: str = "default", routes: HostRoutes | None = None, **changed: Any) -> Network:
        return self.driver.create(self.spec(name, **changed), routes)

    def endpoint(self, network: Network, key: str, offset: int, /, **changed: Any) -> Endpoint:
        pin_file = f"{self.run_dir}/{key}/netns"
        if key not in self.pins:
            container.prepare(pin_file)
            self.pins[key] = netns.open_pin(pin_file)
        address, address6 = (
            pools.address_text(pools.bounds(network[side])[0] + offset) if network[side] else ""
            for side in ("subnet", "subnet6")
        )
        endpoint: Endpoint = {
            "stack": "shop",
            "key": key,
            "pin_file": pin_file,
            "link": "eth0",
            "address": address,
            "address6": address6,
            "mac": "",
            "default": True,
            "default6": True,
            "link_local": [],
            "mtu": 0,
            "sysctls": [],
            "table": 0,
        }
        endpoint.update(changed)  # type: ignore[typeddict-item]
        return endpoint

    def container(self, network: Network, key: str, offset: int, **changed: Any) -> tuple[int, str]:
        """An attached container: its namespace and its address."""
        endpoint = self.endpoint(network, key, offset, **changed)
        assert self.driver.attach(network, [endpoint]) == [None]
        return self.pins[key], endpoint["address"]

    def dual(self, network: Network, key: str, offset: int, **changed: Any) -> tuple[int, str]:
        """An attached container on a network with IPv6: its namespace and its IPv6 address."""
        endpoint = self.endpoint(network, key, offset, **changed)
        assert self.driver.attach(network, [endpoint]) == [None]
        return self.pins[key], endpoint["address6"]

    def outside(self) -> int:
        """A machine beyond the host's only interface, without a route back to any container."""
        pin_file = f"{self.run_dir}/outside/netns"
        netns.create(pin_file)
        fd = netns.open_pin(pin_file)
        with netlink.Channel() as here, netlink.Channel(ns_fd=fd) as there:
            here.require([rtnetlink.add_veth("wan0", rtnetlink.VethPeer("wan0", fd))])
            near, far = rtnetlink.index_of("wan0"), rtnetlink.index_of("wan0", fd)
            here.require([rtnetlink.add_address(near, OUTSIDE_HOST, 24)])
            here.require([rtnetlink.add_address(near, OUTSIDE_HOST6, 64)])
            there.require([rtnetlink.link_up(far)])
            there.require([rtnetlink.add_address(far, OUTSIDE, 24)])
            there.require([rtnetlink.add_address(far, OUTSIDE6, 64)])
        return fd


def open_in(ns_fd: int, family: int, kind: int) -> socket.socket:
    """A socket in that namespace, or here for -1; it gives up after PATIENCE_S."""
    one = socket.socket(family, kind) if ns_fd < 0 else netns.socket_in(ns_fd, family, kind)
    one.settimeout(PATIENCE_S)
    return one


def serve_tcp(ns_fd: int, address: str, port: int) -> socket.socket:
    """Answers every connection with the client's address and then what it was sent, until the listener is closed."""
    listener = open_in(ns_fd, socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    listener.settimeout(None)
    listener.bind((address, port))
    listener.listen(64)

    def talk(connection: socket.socket, client: Any) -> None:
        with connection:
            connection.sendall(f"{client[0]} ".encode())
            while data := connection.recv(65536):
                connection.sendall(data)

    def loop() -> None:
        while True:
            try:
                connection, client = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection, client), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return listener


def serve_udp(
    ns_fd: int, address: str, port: int, answer: Callable[[bytes, str], bytes] | None = None
) -> socket.socket:
    server = open_in(ns_fd, socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    server.settimeout(None)
    server.bind((address, port))

    def loop() -> None:
        while True:
            try:
                data, client = server.recvfrom(65536)
            except OSError:
                return
            server.sendto(answer(data, client[0]) if answer else client[0].encode() + b" " + data, client)

    threading.Thread(target=loop, daemon=True).start()
    return server


def ask_tcp(ns_fd: int, address: str, port: int, text: str = "hello", *, patience_s: float = PATIENCE_S) -> str:
    """`<client's address as the server saw it> <text>`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open_in(ns_fd, family, socket.SOCK_STREAM) as client:
        client.settimeout(patience_s)
        client.connect((address, port))
        client.sendall(text.encode())
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while data := client.recv(65536):
            answer += data
        return answer.decode()


def ask_udp(ns_fd: int, address: str, port: int, text: str = "hello", *, patience_s: float = PATIENCE_S) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open_in(ns_fd, family, socket.SOCK_DGRAM) as client:
        client.settimeout(patience_s)
        client.connect((address, port))
        client.send(text.encode())
        return client.recv(65536).decode()


class Loop:
    """What a monitor does: polls the sockets of a Resolver or PortHolder in a thread and calls `ready`."""

    def __init__(self, served: Any) -> None:
        self.served = served
        self._wake_reading, self._wake_writing = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            wait = getattr(self.served, "timeout", lambda: None)()
            readable, _, _ = select.select([self._wake_reading, *self.served.sockets()], [], [], wait)
            if self._wake_reading in readable:
                return
            for fd in readable:
                self.served.ready(fd)
            if hasattr(self.served, "tick"):
                self.served.tick()

    def stop(self) -> None:
        os.write(self._wake_writing, b".")
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
