"""Secrets and configs of the built-in engine: bytes in the run folder, in memory only, and a record without them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence

from stackup.engines.builtin.contents import Contents
from stackup.engines.builtin.records import Shelf, addresses, each, wanted
from stackup.engines.desire.effects import FILE
from stackup.errors import HostError
from stackup.kernel import files, memory
from stackup.layout import Layout
from stackup.reconcile.resource import Observed, Outcome, Tell, Work
from stackup.values import Address, Data

CONTENT = "content"


class FileKind:
    """Of one stack and of one of the two kinds."""

    effects = FILE

    def __init__(self, layout: Layout, stack: str, name: str) -> None:
        self.name = name
        self._layout = layout
        self._shelf = Shelf(layout, stack, name)
        self._contents = Contents(layout)
        self._folder = layout.live_dir(stack, name, "")
        self._lock = threading.Lock()

    def observe(self, stack: str) -> Iterable[Observed]:
        shelf = Shelf(self._layout, stack, self.name)
        for address, record in shelf.all():
            there = os.path.exists(content_file(shelf, address))
            broken = "half-made" if record["phase"] != "ready" else ""
            yield Observed(
                address,
                record["instance"],
                record["spec"],
                {} if there or broken else {("present",): False},
                needs=tuple(addresses(record["needs"])),
                broken=broken,
            )

    def create(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        with self._lock:
            return each(works, self._create)

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        with self._lock:
            return each(works, self._update)

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        with self._lock:
            outcomes = each(works, self._delete)
            self.sweep()
            return outcomes

    def sweep(self) -> None:
        """The memory goes with the last file; also what a killed command left."""
        memory.release(self._folder)

    def _create(self, work: Work) -> None:
        want = wanted(work)
        memory.provide(self._folder)
        record = self._shelf.claim(want)
        self._write(work.address, want.spec)
        self._shelf.settle(want, record)

    def _update(self, work: Work) -> None:
        """After a reboot the run folder is empty; who holds the file holds it still."""
        want = wanted(work)
        memory.provide(self._folder)
        self._write(work.address, want.spec)
        self._shelf.settle(want, self._shelf.need(work.address))

    def _write(self, address: Address, spec: Data) -> None:
        """What is written is what was planned: a file may have changed since it was looked at."""
        files.make_dir(self._shelf.live_dir(address))
        content = self._contents.read(spec)
        if self._contents.digest(content) != spec["digest"]:
            hint = "run the command again: it plans with what is there now"
            raise HostError(f'"{address}" has other bytes than when this was planned', subject=str(address), hint=hint)
        files.write_bytes(content_file(self._shelf, address), content, mode=0o400, durable=False)

    def _delete(self, work: Work) -> None:
        self._shelf.leave(work.address)
        self._shelf.forget(work.address)


def content_file(shelf: Shelf, address: Address) -> str:
    return os.path.join(shelf.live_dir(address), CONTENT)
