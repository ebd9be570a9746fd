"""Changing a container in place: only what its effects table allows, told to whoever holds the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from stackup.engines.builtin import attachments, describe, limiting
from stackup.engines.builtin.attachments import CONNECTED, INSIDE
from stackup.engines.builtin.container_start import choose_ports, let_go
from stackup.engines.builtin.idclaims import KEY
from stackup.engines.builtin.records import Record, Shelf, wanted
from stackup.engines.builtin.replicas import Replicas
from stackup.engines.builtin.replug import Replug
from stackup.engines.builtin.rows import out_of_memory
from stackup.layout import Layout
from stackup.reconcile.resource import Tell, Work
from stackup.runtime import record
from stackup.runtime.client import Client
from stackup.runtime.network.driver import Driver
from stackup.runtime.rootfs import tmpfs_options
from stackup.runtime.spec import ContainerSpec
from stackup.values import Address


class Update:
    """Each field's first word says who must know: the kernel, the monitor, or only the record."""

    def __init__(self, layout: Layout, stack: str, driver: Driver) -> None:
        self._layout = layout
        self._stack = stack
        self._driver = driver
        self._shelf = Shelf(layout, stack, "container")

    def release(self, work: Work) -> None:
        """Networks and ports that it no longer wants are given up before anybody of the group takes new ones: it may be
        the same address or port.
        """
        if any(path[0] == "networks" for path in work.fields):
            claim, spec = self._shelf.need(work.address), cast(ContainerSpec, wanted(work).spec)
            self._replug(work.address, claim).release({**spec["networks"], **claim["given"].get(CONNECTED, {})})
            self._shelf.write(work.address, claim)
        if self._runs(work) and any(path[0] == "ports" for path in work.fields):
            claim, spec = self._shelf.need(work.address), cast(ContainerSpec, wanted(work).spec)
            kept = [port for port in claim["given"]["ports"] if port["key"] in spec["ports"]]
            if kept != claim["given"]["ports"]:
                self._set_ports(work.address, claim, spec, kept)
                self._shelf.write(work.address, claim)

    def let_go(self, work: Work) -> None:
        """What it holds and does not need any more is going to be deleted: from here on it is not in use."""
        claim, needed = self._shelf.need(work.address), {str(n.on) for n in wanted(work).needs if n.holds}
        claim["holds"] = {key: instance for key, instance in claim["holds"].items() if key in needed}
        self._shelf.write(work.address, claim)

    def run(self, work: Work, tell: Tell) -> None:
        want, claim = wanted(work), self._shelf.need(work.address)
        spec = cast(ContainerSpec, want.spec)
        parts = {path[0] for path in work.fields}
        if self._runs(work):
            if "limits" in parts:
                describe.note_limits(claim["given"], want)
                for text in limiting.impose(claim["given"], spec["limits"]):
                    tell.progress(work.step, text)
                self._tell(work.address, "memory_reason", out_of_memory({**claim, "spec": spec}))
            if "networks" in parts:
                self._replug(work.address, claim).take(spec)
            if "ports" in parts:
                self._take_ports(work.address, claim, spec)
            if targets := {path[1] for path in work.fields if path[0] == "mounts"}:
                self._tell(work.address, "tmpfs", _tmpfs(claim, spec, targets))
            self._monitor(work.address, claim, spec, parts)
        describe.note_limits(claim["given"], want)
        self._shelf.settle(want, claim)

    def _replug(self, address: Address, claim: Record) -> Replug:
        return Replug(self._layout, self._driver, self._stack, address, claim)

    def _runs(self, work: Work) -> bool:
        status = record.observe_status(self._shelf.state_dir(work.address))
        return status is not None and status["state"] in ("running", "restarting")

    def _monitor(self, address: Address, claim: Record, spec: ContainerSpec, parts: set[str]) -> None:
        image = claim["given"]["image"]
        values: Mapping[str, Any] = {
            "restart": describe.restart(spec),
            "health": describe.health(spec, image),
            "stop": describe.stop(spec, image),
        }
        for part in sorted(parts & values.keys()):
            self._tell(address, part, values[part])
        if "log" in parts:
            self._tell(address, "log", describe.log(cast(Record, {**claim, "spec": spec})))

    def _take_ports(self, address: Address, claim: Record, spec: ContainerSpec) -> None:
        had = claim["given"]["ports"]
        fresh = cast(Record, {**claim, "spec": {**spec, "ports": _without(spec, had)}})
        member = self._member(address, claim, spec)
        found, held = choose_ports(self._layout, address, fresh, Replicas(self._layout, self._stack), member)
        let_go(held)  # the monitor binds them itself
        self._set_ports(address, claim, spec, had + found)

    def _set_ports(self, address: Address, claim: Record, spec: ContainerSpec, after: list[Any]) -> None:
        claim["given"]["ports"] = after
        self._replug(address, claim).move_ports(self._member(address, claim, spec))

    def _member(self, address: Address, claim: Record, spec: ContainerSpec) -> attachments.Member:
        """Where it is plugged in now."""
        known = {**cast(ContainerSpec, claim["spec"])["networks"], **spec["networks"]}
        plugged = {key: place for key, place in known.items() if key in claim["given"][INSIDE]}
        there = cast(ContainerSpec, {**spec, "networks": plugged})
        member = attachments.member(self._layout, self._stack, address, there, claim["given"])
        member.addresses = [claim["given"]["addresses"][place.real_name] for place in member.places]
        return member

    def _tell(self, address: Address, what: str, value: Any) -> None:
        client = Client(self._shelf.live_dir(address))
        client.request({"do": "update", "what": what, "value": value})


def _tmpfs(claim: Record, spec: ContainerSpec, targets: Iterable[str]) -> dict[str, dict[str, str]]:
    base = claim["given"].get(KEY, 0)
    return {target: tmpfs_options(spec["mounts"][target], lambda owner: base + owner) for target in sorted(targets)}


def _without(spec: ContainerSpec, kept: list[dict[str, Any]]) -> dict[str, Any]:
    keys = {port["key"] for port in kept}
    return {key: port for key, port in spec["ports"].items() if key not in keys}
