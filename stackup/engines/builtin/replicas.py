"""Replicas that share a published port: who the others are, and where they are reached now.

Read from records when a port is taken or published, and only for services that have several containers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, cast

from stackup.engines.builtin.records import Record, Shelf
from stackup.kernel import files
from stackup.layout import Layout
from stackup.runtime import record
from stackup.runtime.description import HeldPort
from stackup.values import Address


class Starting:
    """Ports that this command holds for containers whose monitors do not yet: its threads start several groups."""

    __slots__ = ("lock", "ports")

    def __init__(self) -> None:
        self.lock = Lock()
        self.ports: dict[Address, list[dict[str, Any]]] = {}

    def share(self, address: Address, port: HeldPort) -> bool:
        siblings = (ports for other, ports in self.ports.items() if other.name == address.name and other != address)
        return any(_same(port, had) for ports in siblings for had in ports)

    def ended(self, addresses: Iterable[Address]) -> None:
        """They hold their own, or failed."""
        with self.lock:
            for address in addresses:
                self.ports.pop(address, None)


class Replicas:
    """Of one stack, for the length of one command."""

    def __init__(self, layout: Layout, stack: str, starting: Starting | None = None) -> None:
        self._shelf = Shelf(layout, stack, "container")
        self.starting = starting or Starting()
        self._counts: dict[str, int] = {}
        for directory in files.list_dir(layout.kind_dir(stack, "container")):
            service = directory.rpartition("-")[0]
            self._counts[service] = self._counts.get(service, 0) + 1

    def others(self, address: Address) -> list[Record]:
        """The service's other containers."""
        if self._counts.get(address.name, 0) < 2:
            return []
        return [found for other, found in self._shelf.all() if other.name == address.name and other != address]

    def share(self, address: Address, port: HeldPort) -> bool:
        """Whether another replica holds that very port: one that is stopping does, until it is down."""
        if self.starting.share(address, port):
            return True
        holders = filter(self._holds, self.others(address))
        return any(_same(port, had) for found in holders for had in found["given"].get("ports", ()))

    def published(self, address: Address, ports: list[Any]) -> list[Any]:
        """`ports` of one container, and what its living siblings publish on the same."""
        found = list(ports)
        for other in filter(self._lives, self.others(address)):
            theirs = other["given"].get("published", ())
            found += [one for one in theirs if any(_same(one, port) for port in ports)]
        return found

    def _lives(self, other: Record) -> bool:
        status = self._status(other)
        return bool(status) and not status.get("stopping")

    def _holds(self, other: Record) -> bool:
        return bool(self._status(other))

    def _status(self, other: Record) -> Mapping[str, Any]:
        """What its monitor says, while there is one."""
        status = record.observe_status(self._shelf.state_dir(_address(other)))
        up = status and status["instance"] == other["instance"] and status["state"] in ("running", "restarting")
        return cast(Mapping[str, Any], status) if up else {}


def _address(found: Record) -> Address:
    return Address.parse(found["address"])


def _same(port: Any, other: Any) -> bool:
    return all(port[key] == other[key] for key in ("host_ip", "port", "protocol"))
