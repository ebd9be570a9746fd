"""Replicas that share a published port: who the others are, and where they are reached now.

Read from records when a port is taken or published, and only for services that have several containers.
"""

from __future__ import annotations

from typing import Any

from stackup.engines.builtin.records import Record, Shelf
from stackup.kernel import files
from stackup.layout import Layout
from stackup.runtime import record
from stackup.runtime.description import HeldPort
from stackup.values import Address


class Replicas:
    """Of one stack, for the length of one command."""

    def __init__(self, layout: Layout, stack: str) -> None:
        self._shelf = Shelf(layout, stack, "container")
        self.starting: set[Address] = set()
        """Those that this command is starting, and whose ports it holds for them meanwhile."""
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
        """Whether another replica holds that very port."""
        holders = (other for other in self.others(address) if self._lives(other) or _address(other) in self.starting)
        return any(_same(port, had) for found in holders for had in found["given"].get("ports", ()))

    def published(self, address: Address, ports: list[Any]) -> list[Any]:
        """`ports` of one container, and what its living siblings publish on the same."""
        found = list(ports)
        for other in filter(self._lives, self.others(address)):
            theirs = other["given"].get("published", ())
            found += [one for one in theirs if any(_same(one, port) for port in ports)]
        return found

    def _lives(self, other: Record) -> bool:
        status = record.observe_status(self._shelf.state_dir(_address(other)))
        if not status or status["instance"] != other["instance"] or status.get("stopping"):
            return False
        return status["state"] in ("running", "restarting")


def _address(found: Record) -> Address:
    return Address.parse(found["address"])


def _same(port: Any, other: Any) -> bool:
    return all(port[key] == other[key] for key in ("host_ip", "port", "protocol"))
