"""Names and places by the hundred: `python -m bench.names` (root). On a host of its own, with stackup's own parts.

- names: one container asks at a steady rate, on a network with a thousand names; how long an answer takes.
- networks: a thousand are made, then removed; whether the last costs what the first did.
- attach: five hundred containers onto one network, one at a time; the same question.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stackup.kernel import netns
from stackup.runtime.network import addressing, dns, names, roster
from stackup.runtime.network.names import Resolver
from tests.host.lab import World

APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def ask_steadily(ns_fd: int, rate: int, seconds: float) -> list[float]:
    """Seconds that each answer took; a question is put when it is due, whether or not the one before was answered."""
    client = netns.socket_in(ns_fd, socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((dns.RESOLVER_ADDRESS, dns.PORT))
    client.setblocking(False)
    forms = [dns.wire(f"c{number}") + struct.pack(">HH", dns.A, dns.IN) for number in range(1000)]
    sent: dict[int, float] = {}
    took: list[float] = []
    begun, asked, wanted = time.perf_counter(), 0, int(rate * seconds)
    while len(took) < wanted and time.perf_counter() < begun + seconds + 2:
        due = begun + asked / rate
        if asked < wanted and time.perf_counter() >= due:
            number = asked & 0xFFFF
            sent[number] = time.perf_counter()
            client.send(struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + forms[asked % len(forms)])
            asked += 1
        if select.select([client], [], [], 0)[0]:
            took.append(time.perf_counter() - sent.pop(struct.unpack_from(">H", client.recv(512))[0]))
    return took


def serve(wanted: names.ResolverArguments) -> None:
    """A monitor's loop with nothing but its resolver."""
    resolver = Resolver(wanted)
    while True:
        select.select(resolver.sockets(), [], [], resolver.timeout())
        for fd in resolver.sockets():
            resolver.ready(fd)
        resolver.tick()


def bench_names(world: World, rate: int, seconds: float) -> None:
    network = world.network()
    ns_fd, _ = world.container(network, "container/client", 2)
    file = f"{world.run_dir}/names"
    members: dict[str, roster.Member | None] = {
        f"c{n}": {"address": f"10.9.{n >> 8}.{n & 255}", "names": [f"c{n}"], "up": True} for n in range(1000)
    }
    roster.change(file, "n", members)
    pid = os.fork()
    if pid == 0:
        serve(names.arguments(f"{world.run_dir}/container/client/netns", [file], internal=True))
    time.sleep(0.3)
    took = sorted(ask_steadily(ns_fd, rate, seconds))
    os.kill(pid, 9)
    _, _, used = os.wait4(pid, 0)
    cpu = (used.ru_utime + used.ru_stime) / max(1, len(took)) * 1e6
    lost = int(rate * seconds) - len(took)
    median, late = statistics.median(took) * 1000, took[int(len(took) * 0.99)] * 1000
    within = f"median {median:.3f} ms, 99 of 100 within {late:.3f} ms, {cpu:.0f} us of CPU each"
    print(f"names, {rate} a second, 1,000 known: {within}, {lost} lost")


def told(what: str, spent: Sequence[tuple[float, float]], marks: Sequence[int]) -> None:
    """What one cost when so many were there: the median of the ten that follow, on the clock and of this process."""
    parts = []
    for mark in (mark for mark in marks if mark < len(spent)):
        wall, cpu = (statistics.median(one[kind] for one in spent[mark : mark + 10]) * 1000 for kind in (0, 1))
        parts.append(f"{mark}: {wall:.1f} ({cpu:.1f})")
    total = sum(wall for wall, _ in spent)
    print(f"{what}, {len(spent)} in {total:.1f} s; ms each (CPU) when there were {', '.join(parts)}", flush=True)


def each(count: int, act: Callable[[int], object]) -> list[tuple[float, float]]:
    """Wall and CPU seconds of each; the kernel's own threads, which take namespaces apart, are not counted."""
    spent = []
    for number in range(count):
        begun, used = time.perf_counter(), time.process_time()
        act(number)
        spent.append((time.perf_counter() - begun, time.process_time() - used))
    return spent


def bench_networks(world: World, count: int) -> None:
    made = []
    marks = (1, 100, 500, count - 10)
    routes = addressing.HostRoutes()  # as an `up` of them all would
    told("networks made", each(count, lambda number: made.append(world.network(f"n{number}", routes))), marks)
    more = each(10, lambda number: made.append(world.network(f"m{number}")))
    told("networks made one command each", more, (0,))
    removed = each(count // 2, lambda number: world.driver.remove([made.pop()]))
    told("networks removed one by one, the last first", removed, (1, 100, count // 2 - 10))
    begun = time.perf_counter()
    world.driver.remove(made)
    print(f"networks removed at once, {len(made)}: {time.perf_counter() - begun:.1f} s", flush=True)


def bench_attach(world: World, count: int) -> None:
    network = world.network("wide", subnet="10.77.0.0/16")
    endpoints = [world.endpoint(network, f"container/c{number}", number + 2) for number in range(count)]

    def attach(number: int) -> None:
        assert world.driver.attach(network, endpoints[number : number + 1]) == [None]

    marks = (1, 100, count - 10)
    told("containers attached", each(count, attach), marks)
    told("containers detached", each(count, lambda number: world.driver.detach(network, [endpoints[number]])), marks)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.names", description=__doc__)
    parser.add_argument("--rate", type=int, default=5000, help="questions a second")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--containers", type=int, default=500)
    parser.add_argument("--apart", action="store_true", help="this is a host of its own already")
    options = parser.parse_args()
    if not options.apart:
        raise SystemExit(subprocess.call([*APART, sys.executable, "-m", "bench.names", *sys.argv[1:], "--apart"]))
    netns.loopback_up()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
        world = World(Path(folder))
        if options.seconds:
            bench_names(world, options.rate, options.seconds)
        if options.containers:
            bench_attach(world, options.containers)
        if options.networks:
            bench_networks(world, options.networks)
        subprocess.run(["umount", "-l", folder], check=True)


if __name__ == "__main__":
    main()
