"""Volumes of the built-in engine: a record with a folder beside it, or a mount behind a name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import cast

from stackup.engines.builtin.network import GONE, missing
from stackup.engines.builtin.records import Record, Shelf, addresses, each, find_real, wanted
from stackup.engines.desire.effects import VOLUME
from stackup.errors import KernelError, Unsupported
from stackup.kernel import calls, files
from stackup.kernel.abi import MNT_DETACH, MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC, UMOUNT_NOFOLLOW
from stackup.layout import DATA, Layout
from stackup.reconcile.resource import Observed, Outcome, Tell, Work
from stackup.values import Address, Data, FieldPath, Json

_FLAGS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "bind": MS_BIND}
_FLAGS |= {"rbind": MS_BIND | MS_REC, "rw": 0}


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
        external = bool(record["spec"].get("external"))
        real = find_real(self._layout, self.name, str(record["spec"]["name"])) if external else record
        broken = "half-made" if record["phase"] != "ready" else "" if real else GONE
        mounted = external or not _options(record["spec"]) or os.path.ismount(record["given"].get("data", ""))
        live: dict[FieldPath, Json] = {} if mounted or broken else {("mounted",): False}
        return Observed(
            address,
            real["instance"] if real else record["instance"],
            record["spec"],
            live,
            needs=tuple(addresses(record["needs"])),
            broken=broken,
            external=external,
        )

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
        return each(works, self._delete)

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
        if spec["driver"] != "local":
            raise Unsupported(f'no volume driver "{spec["driver"]}"', subject=str(address), hint="use `driver: local`")
        data = os.path.join(self._shelf.state_dir(address), DATA)
        files.make_dir(data, 0o755)
        options = _options(spec)
        if options and not os.path.ismount(data):
            _mount(data, options)
        return data

    def _delete(self, work: Work) -> None:
        """A mounted volume is unmounted and what lies behind it left alone."""
        record = self._shelf.read(work.address)
        if record and not record["spec"]["external"] and _options(record["spec"]):
            _unmount(os.path.join(self._shelf.state_dir(work.address), DATA))
        self._shelf.forget(work.address)


def _options(spec: Data) -> dict[str, str]:
    return cast(dict[str, str], spec["driver_opts"])


def _mount(target: str, options: dict[str, str]) -> None:
    """mount(8) of `type`, `o` and `device`: words that are flags become flags, the rest is the file system's."""
    flags, rest = 0, []
    for word in filter(None, options.get("o", "").split(",")):
        if word in _FLAGS:
            flags |= _FLAGS[word]
        else:
            rest.append(word)
    device = options.get("device", "none")
    calls.mount(device, target, options.get("type", "none"), flags, ",".join(rest))
    if flags & MS_BIND and flags & MS_RDONLY:
        calls.mount(device, target, "none", flags | 0x20, "")  # MS_REMOUNT: a bind takes its flags only then


def _unmount(target: str) -> None:
    while os.path.ismount(target):
        try:
            calls.umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW)
        except KernelError as problem:
            raise KernelError(problem.errno, problem.call, target, hint="stop whatever uses the volume") from problem
