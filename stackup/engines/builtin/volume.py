"""Volumes of the built-in engine: a record with a folder beside it, and a driver that brings the data there.

Law: what is deleted is ours alone. A driver lets go first, and as long as anything is mounted in a volume's place
nothing there is touched: it is somebody's data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import cast

from stackup.engines.builtin.network import GONE, missing
from stackup.engines.builtin.records import Record, Shelf, attempt, each, find_real, seen, wanted
from stackup.engines.desire.effects import VOLUME
from stackup.errors import HostError, Unsupported
from stackup.kernel import proc
from stackup.layout import DATA, Layout
from stackup.reconcile.resource import Observed, Outcome, Tell, Work
from stackup.runtime.volumes import drivers
from stackup.runtime.volumes.driver import Volume, VolumeDriver
from stackup.values import Address, Data, FieldPath, Json


class VolumeKind:
    """The record's `given.data` is the folder that containers mount."""

    name = "volume"
    effects = VOLUME

    def __init__(self, layout: Layout, stack: str) -> None:
        self._layout = layout
        self._shelf = Shelf(layout, stack, self.name)

    def observe(self, stack: str) -> Iterable[Observed]:
        for address, record in Shelf(self._layout, stack, self.name).all():
            yield self._observe(address, record)

    def _observe(self, address: Address, record: Record) -> Observed:
        return seen(self._layout, address, record, GONE, lambda: self._live(address, record))

    def _live(self, address: Address, record: Record) -> dict[FieldPath, Json]:
        return {} if self._is_there(address, record["spec"]) else {("mounted",): False}

    def _is_there(self, address: Address, spec: Data) -> bool:
        """A driver that has been uninstalled cannot be asked; whoever mounts its volume will hear of it."""
        driver = drivers.find(str(spec["driver"]))
        return driver is None or driver.provides(self._volume(address, spec))

    def create(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        """On disk for good before anybody writes into them: without its record, data is nobody's."""
        outcomes = each(works, self._create)
        self._shelf.sync()
        return outcomes

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return each(works, self._update)

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        """Called half-deleted for good before the first file goes."""
        for work in works:
            self._shelf.leave(work.address)
        self._shelf.sync()
        problems = {work.step: attempt(self._let_go, work.address) for work in works}
        mounted = [mount.place for mount in proc.mounts()]
        return [
            Outcome(work.step, problems[work.step] or attempt(self._erase, work.address, mounted)) for work in works
        ]

    def _create(self, work: Work) -> None:
        want = wanted(work)
        record = self._shelf.claim(want)
        record["given"] = {"data": self._provide(work.address, want.spec)}
        self._shelf.settle(want, record)

    def _update(self, work: Work) -> None:
        want, record = wanted(work), self._shelf.need(work.address)
        record["given"] = {"data": self._provide(work.address, want.spec)}
        self._shelf.settle(want, record)

    def _provide(self, address: Address, spec: Data) -> str:
        """The folder with the data, mounted where the driver's options say so."""
        if spec["external"]:
            real = find_real(self._layout, self.name, str(spec["name"]))
            if real is None:
                raise missing("volume", str(spec["name"]))
            return str(real["given"]["data"])
        return _driver(address, spec).provide(self._volume(address, spec))

    def _volume(self, address: Address, spec: Data) -> Volume:
        options, labels = (cast(dict[str, str], spec[key]) for key in ("driver_opts", "labels"))
        return Volume(str(spec["name"]), options, labels, os.path.join(self._shelf.state_dir(address), DATA))

    def _let_go(self, address: Address) -> None:
        record = self._shelf.read(address)
        if record and not record["spec"]["external"]:
            _driver(address, record["spec"]).remove(self._volume(address, record["spec"]))

    def _erase(self, address: Address, mounted: list[str]) -> None:
        home = os.path.realpath(self._shelf.state_dir(address))
        for place in mounted:
            if place.startswith(home + "/"):
                text = f'something is mounted at "{place}": the volume is not deleted'
                raise HostError(text, subject=str(address), hint=f"umount {place}")
        self._shelf.forget(address)


def _driver(address: Address, spec: Data) -> VolumeDriver:
    name = str(spec["driver"])
    driver = drivers.find(name)
    if driver is None:
        hint = f"install the package that brings {name}, or use `driver: local`"
        raise Unsupported(f'no volume driver "{name}"', subject=str(address), hint=hint)
    return driver
