"""The records of one kind of one stack: claimed before the first effect, settled after the last, forgotten at the end.

Whatever a verb finds out (a chosen subnet, a container's addresses) is kept in the record's `given`, so that the next
run chooses the same again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from stackup.engines.builtin import earlier
from stackup.errors import HostError, StackupError
from stackup.kernel import files
from stackup.layout import DATA, RECORD, RECORD_AGAIN, Layout
from stackup.reconcile.resource import Desired, Observed, Outcome, Work
from stackup.runtime import record
from stackup.values import Address, Data, FieldPath, Json, new_instance


class Record(TypedDict):
    """What we claim of an address. `phase` is `creating`, `ready` or `deleting`; only `ready` is sound."""

    phase: str
    stack: str
    address: str
    instance: str
    spec: Data
    needs: list[str]
    holds: dict[str, str]
    given: dict[str, Any]
    created_at: float


def nothing(_: str) -> None:
    """What most kinds have running."""


class Shelf:
    """`layout`, `stack` and `kind` say which; everything on it is found by address."""

    def __init__(self, layout: Layout, stack: str, kind: str) -> None:
        self.layout = layout
        self.stack = stack
        self.kind = kind

    def state_dir(self, address: Address) -> str:
        return self.layout.address_dir(self.stack, self.kind, address.directory)

    def live_dir(self, address: Address) -> str:
        return self.layout.live_dir(self.stack, self.kind, address.directory)

    def read(self, address: Address) -> Record | None:
        found = record.read(self.state_dir(address))
        return earlier.whole(self.kind, found) if found else None  # type: ignore[return-value]  # of our own writing

    def need(self, address: Address) -> Record:
        """The record of something that must be there."""
        found = self.read(address)
        if found is None:
            raise HostError(f'"{address}" has no record', subject=str(address), hint="run `stackup up` again")
        return found

    def all(self) -> Iterator[tuple[Address, Record]]:
        for _, found in record.walk(self.layout.kind_dir(self.stack, self.kind)):
            yield Address.parse(found["address"]), earlier.whole(self.kind, found)  # type: ignore[misc]

    def claim(self, want: Desired) -> Record:
        """Before anything is done. A half-made leftover's `given` is taken over, its instance is not."""
        before = self.read(want.address)
        claim: Record = {
            "phase": "creating",
            "stack": self.stack,
            "address": str(want.address),
            "instance": new_instance(),
            "spec": want.spec,
            "needs": [str(need.on) for need in want.needs],
            "holds": {},
            "given": before["given"] if before else {},
            "created_at": time.time(),
        }
        self.write(want.address, claim)
        files.make_dir(self.live_dir(want.address))
        return claim

    def settle(self, want: Desired, claim: Record) -> None:
        """The resource is as wanted: spec, needs, and the instances that it holds from now on."""
        claim["phase"] = "ready"
        claim["spec"] = want.spec
        claim["needs"] = [str(need.on) for need in want.needs]
        claim["holds"] = held(self.layout, self.stack, want)
        self.write(want.address, claim)

    def write(self, address: Address, claim: Record) -> None:
        record.write(self.state_dir(address), dict(claim))

    def leave(self, address: Address) -> Record | None:
        """Before a delete: from here on the resource is not sound. None when there is nothing."""
        found = self.read(address)
        if found and found["phase"] != "deleting":
            found["phase"] = "deleting"
            self.write(address, found)
        return found

    def sync(self) -> None:
        """All records so far are on disk for good."""
        if os.path.isdir(self.layout.stacks_dir):
            record.sync(self.layout.stacks_dir)

    def sweep(self, end: Callable[[str], None] = nothing) -> list[str]:
        """Remove what a writer left that was killed, mend what a disk forgot, and say so. Under the stack's lock only.

        `end` lets go of what runs under a directory that has no record.
        """
        folder, told = self.layout.kind_dir(self.stack, self.kind), []
        for entry in files.list_dir(folder):
            place = os.path.join(folder, entry)
            for name in (RECORD, RECORD_AGAIN):
                files.remove_asides(os.path.join(place, name))
            found = record.read(place)
            if found and not record.is_twice(place):
                record.write(place, found)
            if found and found.get(record.DAMAGED):
                told.append(f"the record of {found['address']} was damaged: it is written again from its second copy")
            elif found is None and _is_litter(place):
                end(entry)
                remove_tree(self.layout.live_dir(self.stack, self.kind, entry))
                remove_tree(place)
        return told

    def forget(self, address: Address) -> None:
        """After a delete: the live half goes first. The kind's own folder stays, empty or not: another step of the same
        plan may be about to put something into it.
        """
        for folder in (self.live_dir(address), self.state_dir(address)):
            remove_tree(folder)


def held(layout: Layout, stack: str, want: Desired) -> dict[str, str]:
    """The instances that a resource takes hold of, as they are now."""
    found: dict[str, str] = {}
    for need in want.needs:
        if need.holds:
            there = Shelf(layout, stack, need.on.kind).read(need.on)
            if there and there["spec"].get("external"):
                there = find_real(layout, need.on.kind, str(there["spec"]["name"])) or there
            if there:
                found[str(need.on)] = there["instance"]
    return found


def remove_tree(folder: str) -> None:
    """rm -r of a folder of ours; links are removed and not followed. Gone already is success."""
    try:
        names = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as problem:
        raise files.host_error(problem, "cannot remove", folder) from problem
    with names:
        for entry in names:
            if entry.is_dir(follow_symlinks=False):
                remove_tree(entry.path)
            else:
                files.remove(entry.path)
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return
    except OSError as problem:
        raise files.host_error(problem, "cannot remove", folder) from problem


def _is_litter(folder: str) -> bool:
    """No record, or one that a power cut tore; a record of another format is somebody's, and data is not litter."""
    if files.list_dir(os.path.join(folder, DATA)):
        return False
    return record.is_litter(folder)


def wanted(work: Work) -> Desired:
    """Of a verb that only comes with a wish."""
    assert work.desired is not None
    return work.desired


def each(works: Sequence[Work], verb: Any) -> list[Outcome]:
    """One by one; one work's failure is its own."""
    return [Outcome(work.step, attempt(verb, work)) for work in works]


def attempt(verb: Any, *arguments: object) -> StackupError | None:
    try:
        verb(*arguments)
    except StackupError as problem:
        return problem
    except OSError as problem:
        return files.host_error(problem, "cannot finish", str(problem.filename or "the step"))
    return None


def seen(
    layout: Layout, address: Address, record: Record, gone: str, live: Callable[[], dict[FieldPath, Json]]
) -> Observed:
    """What there is of something that a stack may have borrowed: then `gone` is what is wrong when there is none, and
    how it is kept is not ours to see. `live` is what the kernel says of one's own.
    """
    external = bool(record["spec"].get("external"))
    real = find_real(layout, address.kind, str(record["spec"]["name"])) if external else record
    broken = "half-made" if record["phase"] != "ready" else "" if real else gone
    return Observed(
        address,
        real["instance"] if real else record["instance"],
        record["spec"],
        {} if broken or external else live(),
        needs=tuple(addresses(record["needs"])),
        broken=broken,
        external=external,
    )


def find_real(layout: Layout, kind: str, name: str) -> Record | None:
    """The record, of any stack, of a network or volume with this real name: what `external` means."""
    for stack in files.list_dir(layout.stacks_dir):
        for _, found in Shelf(layout, stack, kind).all():
            if found["spec"].get("name") == name and not found["spec"].get("external"):
                return found
    return None


def addresses(data: Mapping[str, str] | Iterable[str]) -> list[Address]:
    return [Address.parse(text) for text in data]
