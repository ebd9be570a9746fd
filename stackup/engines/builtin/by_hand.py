"""Networks as `stackup network` sees them: rows of all stacks, and containers connected and disconnected by hand.

A network of the container's own stack is the file's business: it becomes part of the recorded form, and the next `up`
puts it as the file says. Any other is kept beside the form, and stays until it is disconnected or the container goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stackup.engines.builtin import attachments
from stackup.engines.builtin.attachments import CONNECTED, INSIDE, LINKED
from stackup.engines.builtin.records import Record, Shelf
from stackup.engines.builtin.replug import Replug
from stackup.engines.engine import Container
from stackup.errors import HostError, UsageError
from stackup.kernel import files
from stackup.layout import NAMES, Layout
from stackup.runtime import record as status_record
from stackup.runtime.network import roster
from stackup.runtime.network.drivers import Drivers
from stackup.runtime.spec import Attachment, ContainerSpec
from stackup.values import Address


def networks(layout: Layout) -> list[dict[str, Any]]:
    """Of all stacks, but for those that only stand for another one."""
    return [
        _row(layout, stack, address, found)
        for stack in files.list_dir(layout.stacks_dir)
        for address, found in Shelf(layout, stack, "network").all()
        if found["phase"] == "ready" and not found["spec"]["external"]
    ]


def _row(layout: Layout, stack: str, address: Address, found: Record) -> dict[str, Any]:
    spec, given = found["spec"], found["given"]
    chosen = ("subnet", "gateway", "subnet6", "gateway6", "link", "uplink", "uplink6")
    said = ("name", "driver", "internal", "ipv4", "ipv6", "ip_range", "ip_range6", "labels")
    names_file = f"{layout.live_dir(stack, 'network', address.directory)}/{NAMES}"
    return {
        "stack": stack,
        "key": address.name,
        "id": found["instance"],
        "created_at": found["created_at"],
        "options": spec["driver_opts"],
        **{key: spec[key] for key in said},
        **{key: given.get(key, "") for key in chosen},
        "members": [_member(layout, key, dict(one)) for key, one in sorted(roster.read(names_file).items())],
    }


def _member(layout: Layout, key: str, one: dict[str, Any]) -> dict[str, Any]:
    stack, _, address = key.partition("/")
    claim = Shelf(layout, stack, "container").read(Address.parse(address))
    return {
        "id": claim["instance"] if claim else "",
        "name": one["names"][0] if one["names"] else key,
        "address": one["address"],
        "address6": one.get("address6", ""),
    }


class ByHand:
    """One container, named by its row."""

    def __init__(self, layout: Layout, container: Container) -> None:
        self._layout = layout
        self._stack, self._name = container["stack"], container["name"]
        self._address = Address.parse(container["address"])
        self._shelf = Shelf(layout, self._stack, "container")
        self._claim = self._shelf.need(self._address)
        self._spec = cast(ContainerSpec, self._claim["spec"])
        self._given = self._claim["given"]
        self._replug = Replug(layout, Drivers(layout.run), self._stack, self._address, self._claim)

    def connect(self, network: str, place: Attachment, links: Mapping[str, str]) -> None:
        if self._spec["network_mode"] not in ("bridge", "default"):
            raise UsageError(
                f'"{self._name}" has no networks of its own: network_mode is {self._spec["network_mode"]}',
                subject=self._name,
                hint="connect the container whose network it shares",
            )
        attachments.need_real(self._layout, network)
        key, home = self._place_of(network)
        if key in home:
            raise UsageError(f'"{self._name}" is on network {network} already', subject=self._name)
        home[key] = place
        self._given[LINKED] = {**self._given.get(LINKED, {}), key: dict(links)}
        try:
            if self._runs():
                self._replug.take(self._spec)
        except HostError:
            self._leave(key, home)  # what was tried is not claimed
            raise
        finally:
            self._shelf.write(self._address, self._claim)

    def disconnect(self, network: str, *, force: bool) -> None:
        key, home = self._place_of(network)
        if key not in home:
            if force:
                return
            raise UsageError(f'"{self._name}" is not on network {network}', subject=self._name)
        self._leave(key, home)
        self._shelf.write(self._address, self._claim)
        if self._runs():
            self._replug.take(self._spec)
            self._shelf.write(self._address, self._claim)

    def _leave(self, key: str, home: dict[str, Attachment]) -> None:
        there = {**self._spec["networks"], **self._given.get(CONNECTED, {})}
        self._replug.release({other: place for other, place in there.items() if other != key})
        home.pop(key, None)
        self._given.get(LINKED, {}).pop(key, None)

    def _place_of(self, network: str) -> tuple[str, dict[str, Attachment]]:
        """The key of a network by its real name, and where the container's place on it is kept."""
        for address, found in Shelf(self._layout, self._stack, "network").all():
            if found["spec"]["name"] == network and (address.name in self._spec["networks"] or _owned(found)):
                return address.name, self._spec["networks"]
        return attachments.by_hand(network), self._given.setdefault(CONNECTED, {})

    def _runs(self) -> bool:
        status = status_record.observe_status(self._shelf.state_dir(self._address))
        return status is not None and status["state"] in ("running", "restarting") and INSIDE in self._given


def _owned(network: Record) -> bool:
    return not network["spec"]["external"]
