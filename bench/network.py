"""Bytes a second through a network, with the same two small programs for every engine: they enter the network
namespaces of running containers themselves, so that no image needs a measuring tool.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.processes import program_of
from bench.stacks import TARGET_PORT, WEB_PORT

SECONDS = 2.0
CHUNK = 1 << 20
CLONE_NEWNET = 0x40000000
SIOCGIFADDR = 0x8915
HOST_ADDRESS, CLIENT_ADDRESS = "10.250.250.1", "10.250.250.2"


def enter(namespace: str) -> None:
    """For this thread: setns(2). `os.setns` is in Python 3.12 and newer only."""
    with open(namespace, "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def address_of(namespace: str) -> str:
    """The first address of a container's first interface that is not the loopback."""
    return _in_child(namespace, _own_address)


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue
            if name != "lo":
                return socket.inet_ntoa(answer[20:24])
    raise LookupError("the namespace has no address")


def _in_child(namespace: str, function: object) -> str:
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            enter(namespace)
            os.write(write_fd, str(function()).encode())
        finally:
            os._exit(0)
    os.close(write_fd)
    with os.fdopen(read_fd) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    if not answer:
        raise LookupError(f"no answer from {namespace}")
    return answer


def gigabits(server_namespace: str, client_namespace: str, address: str, port: int, target: int) -> float:
    """What a server that listens on `target` receives from a client that dials `address:port`, in Gbit/s."""
    server = _program("serve", server_namespace, str(target))
    assert server.stdout is not None
    server.stdout.readline()
    client = _program("send", client_namespace, address, str(port))
    client.wait(timeout=30)
    if client.returncode:
        server.kill()
        raise RuntimeError(f"no connection to {address}:{port}")
    received, seconds = server.stdout.readline().split()
    server.wait(timeout=30)
    return int(received) * 8 / float(seconds) / 1e9


def _program(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.network", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def serve(namespace: str, port: str) -> None:
    enter(namespace)
    with socket.create_server(("", int(port))) as listener:
        print("ready", flush=True)
        listener.settimeout(20)
        connection, _ = listener.accept()
    buffer, total, begin = bytearray(CHUNK), 0, time.perf_counter()
    with connection:
        while count := connection.recv_into(buffer):
            total += count
    print(total, time.perf_counter() - begin, flush=True)


def send(namespace: str, address: str, port: str) -> None:
    enter(namespace)
    buffer, deadline = memoryview(bytes(CHUNK)), time.perf_counter() + SECONDS
    with socket.create_connection((address, int(port)), timeout=10) as connection:
        while time.perf_counter() < deadline:
            connection.sendall(buffer)


@contextmanager
def client_namespace() -> Iterator[str]:
    """A machine beside this one: a namespace with a veth to ours, which is the bare measure as well."""
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    inside = f"nsenter --net=/proc/{holder.pid}/ns/net ip"
    commands = [
        f"ip link add su-bench type veth peer name eth0 netns {holder.pid}",
        f"ip address add {HOST_ADDRESS}/24 dev su-bench",
        "ip link set su-bench up",
        f"{inside} address add {CLIENT_ADDRESS}/24 dev eth0",
        f"{inside} link set eth0 up",
        f"{inside} link set lo up",
    ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True)
        yield f"/proc/{holder.pid}/ns/net"
    finally:
        subprocess.run(["ip", "link", "delete", "su-bench"], check=False)
        holder.kill()
        holder.wait()


def bare(client: str) -> float:
    return gigabits("/proc/self/ns/net", client, HOST_ADDRESS, TARGET_PORT, TARGET_PORT)


def between_containers() -> float:
    server, client = program_of("web"), program_of("peer")
    address = address_of(f"/proc/{server}/ns/net")
    target = TARGET_PORT + 1
    return gigabits(f"/proc/{server}/ns/net", f"/proc/{client}/ns/net", address, target, target)


def published(client: str) -> float:
    server = program_of("web")
    return gigabits(f"/proc/{server}/ns/net", client, HOST_ADDRESS, WEB_PORT + 1, TARGET_PORT + 1)


if __name__ == "__main__":
    {"serve": serve, "send": send}[sys.argv[1]](*sys.argv[2:])
