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
from stackup.runtime.network import claims, foreign, holder, pools, rules
from stackup.runtime.network.firewall import MAPS, element, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stackup.kernel.netlink import Request
    from stackup.kernel.nftables import Element
    from stackup.runtime.network.firewall import Values

    Ports = dict[Values, list[Values]]
    """Where each port leads."""
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
    """Makes the elements say exactly this, in one transaction: several targets of one port share its connections.

    What was tracked for a UDP port that has lost a target is forgotten.
    """
    _change(ports, lambda _, said: said)


def unpublish(ports: Sequence[Published]) -> None:
    """Takes out the targets that `ports` says; those of others stay."""
    _change(ports, lambda there, said: [target for target in there if target not in said])


def _change(ports: Sequence[Published], become: Callable[[list[Values], list[Values]], list[Values]]) -> None:
    wishes: dict[int, dict[Values, list[Values]]] = {}
    for port in ports:
        if found := element(port):
            said = wishes.setdefault(found[0], {}).setdefault(found[1][0], [])
            said += [found[1][1]] if found[1][1] not in said else []
    if not wishes:
        return  # perhaps because there is no nf_tables
    lost: list[Values] = []
    with nftables.open_channel() as channel:
        requests: list[Request] = []
        for place, keys in wishes.items():
            known = targets(channel, place)
            before = {key: known.get(key, []) for key in keys}
            after = {key: become(before[key], said) for key, said in keys.items()}
            requests += _exchange(place, before, after)
            lost += [key for key in keys if any(target not in after[key] for target in before[key])]
        nftables.apply(channel, requests)
    _forget(lost)


def _exchange(place: int, before: Ports, after: Ports) -> list[Request]:
    """From some targets to others: one target is an element, several are slots."""
    table, *names = MAPS[place]
    changed = [key for key in before if before[key] != after[key]]
    requests: list[Request] = []
    for name, told in zip(names, (_single, _slots), strict=True):
        gone = [element for key in changed for element, _ in told(key, before[key])]
        requests += nftables.delete_elements(table, name, gone)
        requests += nftables.add_elements(table, name, [one for key in changed for one in told(key, after[key])])
    return requests


def _single(key: Values, found: list[Values]) -> list[Element]:
    return [(key, found[0])] if len(found) == 1 else []


def _slots(key: Values, found: list[Values]) -> list[Element]:
    slots = rules.SLOTS if len(found) > 1 else 0
    return [((*key, slot), found[slot % len(found)]) for slot in range(slots)]


def _forget(keys: Sequence[Values]) -> None:
    """A UDP flow that is tracked keeps its old target as long as it talks."""
    for *_, protocol, port in keys:
        if protocol == "udp":
            netlink.delete_conntrack("udp", int(port))


def parse_range(published: str) -> range:
    """`8080`, `8000-8010`, or empty for any free port (0)."""
    first, dash, last = published.partition("-")
    low = int(first or 0)
    return range(low, (int(last) if dash else low) + 1)


def hold(
    wanted: HeldPort, published: str, run_dir: str, shares: Callable[[HeldPort], bool] = lambda _: False
) -> tuple[HeldPort, list[socket.socket]]:
    """Binds the first free port of `published`; the port with its number filled in, and the sockets that hold it.

    The sockets go to the monitor, or are closed once it has bound its own. Raises HostError naming who holds the port,
    unless that is another replica, which `shares` knows.
    """
    if wanted["protocol"] not in holder.PROTOCOLS:
        return _unheld(wanted, published)
    for _ in range(2):  # who had it at the first look may have gone before the second asked who that is
        if bound := _bind_first(wanted, published):
            return {**wanted, "port": bound[0].getsockname()[1]}, bound
        if published.isdigit() and shares({**wanted, "port": int(published)}):
            ours: HeldPort = {**wanted, "port": int(published), "shared": True}
            return ours, holder.bind(wanted["host_ip"], ours["port"], wanted["protocol"], shared=True)
    raise _explain(wanted, published, run_dir)


def _bind_first(wanted: HeldPort, published: str) -> list[socket.socket]:
    """Sockets on the first port of a range that nobody has; none when all are taken."""
    for number in parse_range(published):
        try:
            return _bind_any(wanted) if number == 0 else holder.bind(wanted["host_ip"], number, wanted["protocol"])
        except HostError as error:
            if error.code != "port-taken":
                raise
    return []


def free(places: Sequence[tuple[str, str]], avoid: frozenset[int]) -> list[int]:
    """A port that is free now for each (address, protocol); all of them different and none of `avoid`."""
    held: list[socket.socket] = []
    found: list[int] = []
    try:
        for host_ip, protocol in places:
            number = 0
            while not number or number in avoid or number in found:
                bound = _bind_any({"host_ip": host_ip, "port": 0, "target": 0, "protocol": protocol})
                held += bound  # also what will not do, so that it is not offered again
                number = bound[0].getsockname()[1]
            found.append(number)
    finally:
        for one in held:
            one.close()
    return found


def _unheld(wanted: HeldPort, published: str) -> tuple[HeldPort, list[socket.socket]]:
    """SCTP is translated by the kernel and has no listener: it can be published by number only."""
    if not holder.spoken(wanted["protocol"]):
        raise Unsupported(
            f'port "{published}/{wanted["protocol"]}" cannot be published: this kernel does not speak it',
            subject=wanted["protocol"],
            hint=f"load it: modprobe {wanted['protocol']}",
            code="kernel-lacks",
        )
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
    if not nftables.available():
        return ""
    with nftables.open_channel() as channel:
        found = [
            str(value[0])
            for place in range(len(MAPS))
            for key, values in targets(channel, place).items()
            for value in values
            if key[-2:] == (protocol, port)
        ]
    for claim in claims.every(run_dir):
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
