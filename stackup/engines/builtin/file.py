"""Secrets and configs of the built-in engine: bytes in the run folder, which is memory, and a record without them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from stackup.engines.builtin.records import Shelf, addresses, each, wanted
from stackup.engines.desire.effects import FILE
from stackup.errors import HostError
from stackup.kernel import files
from stackup.layout import Layout
from stackup.reconcile.resource import Observed, Outcome, Tell, Work
from stackup.values import Address, Data

CONTENT = "content"


class FileKind:
    """`environ` is the caller's, by value: an `environment:` source is read when the file is made."""

    effects = FILE

    def __init__(self, layout: Layout, stack: str, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self._layout = layout
        self._shelf = Shelf(layout, stack, name)
        self._environ = environ

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
        return each(works, self._create)

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return each(works, self._update)

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return each(works, self._delete)

    def _create(self, work: Work) -> None:
        want = wanted(work)
        record = self._shelf.claim(want)
        self._write(work.address, want.spec)
        self._shelf.settle(want, record)

    def _update(self, work: Work) -> None:
        """After a reboot the run folder is empty; who holds the file holds it still."""
        want = wanted(work)
        self._write(work.address, want.spec)
        self._shelf.settle(want, self._shelf.need(work.address))

    def _write(self, address: Address, spec: Data) -> None:
        files.make_dir(self._shelf.live_dir(address))
        content = self._bytes(address, spec)
        files.write_bytes(content_file(self._shelf, address), content, mode=0o400, durable=False)

    def _delete(self, work: Work) -> None:
        self._shelf.leave(work.address)
        self._shelf.forget(work.address)

    def _bytes(self, address: Address, spec: Data) -> bytes:
        source, _, detail = str(spec["source"]).partition(":")
        if source == "content":
            return str(spec["content"]).encode()
        if source == "environment" and detail in self._environ:
            return self._environ[detail].encode()
        try:
            with open(detail, "rb") as file:
                return file.read()
        except OSError as problem:
            hint = f"make it readable, or correct the source of {address}"
            raise HostError(f'"{address}" cannot be read from "{detail}"', subject=str(address), hint=hint) from problem


def content_file(shelf: Shelf, address: Address) -> str:
    return os.path.join(shelf.live_dir(address), CONTENT)
