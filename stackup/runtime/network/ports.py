"""Published ports from the command's side: choosing them, saying who holds one, and the host's map elements.

Publishing is adding an element, changing in place is exchanging one in a transaction: no rule is touched and other
connections go on. The port itself is held by a listening socket (`runtime.network.holder`), bound here or in the
monitor.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, TypedDict

from stackup.errors import HostError, Unsupported
from stackup.kernel import netlink, nftables
from stackup.runtime.network import claims, foreign, holder, pools
from stackup.runtime.network.firewall import MAPS, element

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.kernel.netlink import Channel, Request
    from stackup.runtime.description import HeldPort


class Published(TypedDict):
    """A port of the host and where its packets go. An empty `host_ip` is every address of the host."""

    host_ip: str
    port: int
    protocol: str
    address: str
    target: int


def kernel_serves(*, foreign_rules: bool) -> bool:
    """Whether publishing by elements works here; else leave ports to `PortHolder` and publish nothing.

    It does not without nf_tables, nor where a foreign chain refuses what is forwarded and we may not add to it.
    """
    if not nftables.available():
        return False
    with nftables.open_channel() as channel:
        return foreign_rules or not foreign.refusing(channel)


def publish(ports: Sequence[Published]) -> None:
    """Makes the elements say exactly this, in one transaction; what was tracked for a changed UDP port is forgotten."""
    with nftables.open_channel() as channel:
        requests, changed = _exchange(channel, ports, wanted=True)
        nftables.apply(channel, requests)
    _forget(changed)


def unpublish(ports: Sequence[Published]) -> None:
    """Takes elements out that still lead where `ports` says; those of others stay."""
    with nftables.open_channel() as channel:
        requests, changed = _exchange(channel, ports, wanted=False)
        nftables.apply(channel, requests)
    _forget(changed)


def _exchange(channel: Channel, ports: Sequence[Published], *, wanted: bool) -> tuple[list[Request], list[Published]]:
    """The requests that are needed, and the ports whose old element goes."""
    requests: list[Request] = []
    changed: list[Published] = []
    for place, (table, name) in enumerate(MAPS):
        here = [(port, found[1]) for port in ports if (found := element(port)) and found[0] == place]
        known = nftables.elements(channel, table, name) if here else {}
        gone, added = [], []
        for port, (key, value) in here:
            old = known.get(key)
            if old is not None and (old != value) == wanted:
                gone.append(key)
                changed.append(port)
            if wanted and old != value:
                added.append((key, value))
        requests += nftables.delete_elements(table, name, gone)
        requests += nftables.add_elements(table, name, added)
    return requests, changed


def _forget(ports: Sequence[Published]) -> None:
    """A UDP flow that is tracked keeps its old target as long as it talks."""
    for port in ports:
        if port["protocol"] == "udp":
            netlink.delete_conntrack("udp", port["port"])


def parse_range(published: str) -> range:
    """`8080`, `8000-8010`, or empty for any free port (0)."""
    first, dash, last = published.partition("-")
    low = int(first or 0)
    return range(low, (int(last) if dash else low) + 1)


def hold(wanted: HeldPort, published: str, run_dir: str) -> tuple[HeldPort, list[socket.socket]]:
    """Binds the first free port of `published`; the port with its number filled in, and the sockets that hold it.

    The sockets go to the monitor, or are closed once it has bound its own. Raises HostError naming who holds the port.
    """
    if wanted["protocol"] not in holder.PROTOCOLS:
        return _unheld(wanted, published)
    taken: HostError | None = None
    for number in parse_range(published):
        try:
            bound = _bind_any(wanted) if number == 0 else holder.bind(wanted["host_ip"], number, wanted["protocol"])
        except HostError as error:
            if error.code != "port-taken":
                raise
            taken = error
            continue
        return {**wanted, "port": bound[0].getsockname()[1]}, bound
    raise _explain(wanted, published, run_dir) from taken


def _unheld(wanted: HeldPort, published: str) -> tuple[HeldPort, list[socket.socket]]:
    """SCTP is translated by the kernel and has no listener: it can be published by number only."""
    numbers = parse_range(published)
    if len(numbers) != 1 or not numbers[0]:
        raise Unsupported(
            f'"{wanted["target"]}/{wanted["protocol"]}" cannot be given a port by choice',
            subject=f"{wanted['target']}/{wanted['protocol']}",
            hint="name the host's port: `8000:8000/sctp`",
        )
    return {**wanted, "port": numbers[0]}, []


def _bind_any(wanted: HeldPort) -> list[socket.socket]:
    """A port that is free on all its addresses: the kernel's choice for the first may be taken on the second."""
    for attempt in range(16):
        try:
            return holder.bind(wanted["host_ip"], 0, wanted["protocol"])
        except HostError as error:
            if error.code != "port-taken" or attempt == 15:
                raise
    raise AssertionError("unreachable")


def _explain(wanted: HeldPort, published: str, run_dir: str) -> HostError:
    protocol = wanted["protocol"]
    where = f"{wanted['host_ip']}:{published}" if wanted["host_ip"] else published
    if "-" in published:
        return HostError(
            f'every port of "{where}/{protocol}" is taken',
            subject=where,
            hint="widen the range or leave the host's port out",
            code="port-taken",
        )
    who = _published_by(int(published), protocol, run_dir) or _listening(int(published), protocol)
    return HostError(
        f'port "{where}/{protocol}" is taken' + (f" by {who}" if who else ""),
        subject=f"{where}/{protocol}",
        hint="stop it, or publish another port",
        code="port-taken",
    )


def _published_by(port: int, protocol: str, run_dir: str) -> str:
    """The stack whose container the port leads to, when stackup published it."""
    with nftables.open_channel() as channel:
        found = [
            str(value[0])
            for table, name in MAPS
            for key, value in nftables.elements(channel, table, name).items()
            if key[-2:] == (protocol, port)
        ]
    for claim in claims.read(run_dir)["networks"].values():
        subnets = [subnet for subnet in (claim["subnet"], claim.get("subnet6", "")) if subnet]
        if any(pools.contains(subnet, address) for subnet in subnets for address in found):
            return f'stack "{claim["stack"]}"'
    return ""


def _listening(port: int, protocol: str) -> str:
    """The process that has a socket on the port: proc names sockets by inode, and who has which open."""
    inodes = {f"socket:[{inode}]" for family in ("", "6") for inode in _inodes(f"/proc/net/{protocol}{family}", port)}
    for pid in filter(str.isdigit, os.listdir("/proc")) if inodes else ():
        try:
            if inodes.intersection(_open_files(f"/proc/{pid}/fd")):
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                    return f'"{file.read().strip()}" (process {pid})'
        except OSError:
            continue  # it ended meanwhile, or is not ours to look into
    return ""


def _open_files(fd_dir: str) -> list[str]:
    found = []
    for fd in os.listdir(fd_dir):
        try:
            found.append(os.readlink(f"{fd_dir}/{fd}"))
        except OSError:
            continue  # closed meanwhile; when it is our own process, the listing's descriptor always is
    return found


def _inodes(table: str, port: int) -> list[str]:
    """proc(5), /proc/net/tcp: local address in hexadecimal, state 0A listening, 07 for UDP; the tenth is the inode."""
    try:
        with open(table, encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[3] in {"0A", "07"}]
