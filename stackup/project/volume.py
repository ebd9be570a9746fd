"""Volumes by hand: create, list, look at, remove, prune, what they take, and their files as an archive.

What is made here belongs to the stack `_`, which no file can be. A volume of a stack can be looked at and, when no
container uses it, removed like any other: the next `up` makes it again, empty.
"""

from __future__ import annotations

import os

from stackup.engines.engine import ANONYMOUS
from stackup.errors import StackupError, UsageError
from stackup.layout import UNSTACKED
from stackup.project.filters import has_label, narrowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, BinaryIO

    from stackup.project.session import Session
    from stackup.reconcile.apply import Report
    from stackup.values import Data

    Row = dict[str, Any]

_TRUE, _FALSE = ("1", "true", "True", "TRUE", "t", "T"), ("0", "false", "False", "FALSE", "f", "F")
_FILTERS = {**dict.fromkeys(("driver", "label", "label!", "name"), ()), "dangling": (*_TRUE, *_FALSE)}


def unnamed() -> tuple[str, dict[str, str]]:
    """A name for who gave none, and the label that says so."""
    return os.urandom(32).hex(), {ANONYMOUS: ""}


def described(name: str, driver: str, options: Mapping[str, str], labels: Mapping[str, str]) -> Data:
    """The normal form of a volume that the command line describes, checked as a file's would be."""
    from stackup.engines.desire import volume_form
    from stackup.stackfile.model.validate import validate  # pydantic: making one only

    said: Row = {"name": name, "driver": driver, "driver_opts": dict(options), "labels": dict(labels)}
    stack = validate({"name": UNSTACKED, "services": {}, "volumes": {name: said}})
    if isinstance(stack, tuple):
        raise UsageError(f"{'.'.join(map(str, stack[0].path[2:]))}: {stack[0].message}", subject=name)
    spec, problems = volume_form(name, stack.volumes[name])
    for problem in problems:
        if problem.severity.value == "error":
            raise UsageError(f"{problem.summary}: {problem.detail}", subject=name, hint=problem.hint)
    return spec


def create(session: Session, name: str, spec: Data) -> Report | None:
    """Through the same planner as a stack's. None: there is such a volume already, which is fine, as it is for docker;
    one of that name that is otherwise is an error.
    """
    import re

    from stackup.project.change import Aim, change
    from stackup.reconcile.decide import Policy
    from stackup.reconcile.resource import Desired
    from stackup.values import Address

    if not re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,200}\Z", name):
        hint = "two letters and more: letters, digits, dots, - and _"
        raise UsageError(f'"{name}" cannot be the name of a volume', subject=name, hint=hint)
    there = _find(session, name)
    if there is not None:
        if (there["driver"], there["options"]) != (spec["driver"], spec["driver_opts"]):
            hint = f"see `stackup volume inspect {name}`"
            raise UsageError(f"volume {name} already exists with other options", subject=name, hint=hint)
        return None
    address = Address("volume", name)
    aim = Aim((Desired(address, spec),), Policy(scope=frozenset((address,))))
    return change(session, UNSTACKED, lambda _: aim)


def listed(session: Session, filters: Sequence[str] = ()) -> list[Row]:
    """By name; each filter narrows, several of one kind widen."""
    rows = sorted(session.host.direct.volumes(), key=lambda row: str(row["name"]))
    return narrowed(rows, filters, _FILTERS, _fits)


def _fits(row: Row, kind: str, value: str) -> bool:
    match kind:
        case "label" | "label!":
            return has_label(row["labels"], value) is (kind == "label")
        case "dangling":
            return bool(row["users"]) is (value in _FALSE)
        case "name":
            return value in row["name"]
    return bool(row[kind] == value)


def _find(session: Session, name: str) -> Row | None:
    return next((row for row in session.host.direct.volumes() if row["name"] == name), None)


def need(session: Session, name: str) -> Row:
    found = _find(session, name)
    if found is None:
        hint = "see `stackup volume ls`"
        raise UsageError(f"get {name}: no such volume", subject=name, hint=hint, code="not-found")
    return found


def size(session: Session, row: Row) -> int:
    """Bytes that its files take on the disk."""
    from stackup.kernel.usage import disk_usage

    with session.host.direct.volume(row) as fd:
        return disk_usage(fd)


def remove(session: Session, name: str, *, force: bool = False) -> bool:
    """False: it was not there, and that was fine."""
    row = _find(session, name) if force else need(session, name)
    if row is None:
        return False
    users = ", ".join(sorted(one["name"] for one in row["users"]))
    if users:
        raise UsageError(f"volume {name} is in use by {users}", subject=name, hint="remove these containers first")
    _delete(session, row)
    return True


def _delete(session: Session, row: Row) -> None:
    from stackup.project.change import Aim, change, erase_history
    from stackup.reconcile.decide import Policy
    from stackup.values import Address

    address = Address("volume", row["key"])
    policy = Policy(known=frozenset((("volume", row["key"]),)), scope=frozenset((address,)), clear=True, data=True)
    report = change(session, row["stack"], lambda _: Aim((), policy))
    for failed in report.errors:
        raise failed.error or StackupError(f"{row['name']} could not be removed", subject=row["name"])
    if not session.dry_run:
        erase_history(session, row["stack"])


def prune(session: Session, filters: Sequence[str] = (), *, named: bool = False) -> tuple[list[str], int]:
    """Those that no container uses: the anonymous ones, and with `named` all; their names and the bytes they took."""
    gone, freed = [], 0
    for row in listed(session, filters):
        if row["users"] or not (named or row["anonymous"]):
            continue
        freed += _own_bytes(session, row)
        _delete(session, row)
        gone.append(str(row["name"]))
    return gone, freed


def _own_bytes(session: Session, row: Row) -> int:
    """What is behind a mount is not freed when the mount goes."""
    try:
        return 0 if row["options"] else size(session, row)
    except StackupError:
        return 0


def export(session: Session, name: str, sink: BinaryIO) -> None:
    """Its files as a tar stream, the folder's own owner and mode first."""
    from stackup.images.archive import pack_live
    from stackup.project.parcels import pour

    with session.host.direct.volume(need(session, name)) as fd:
        pour(pack_live(fd, "", ""), sink)


def bring_in(session: Session, name: str, source: BinaryIO) -> Sequence[str]:
    """An archive's files, compressed or not, into the volume, over what is there; what could not be kept."""
    from stackup.images.copying import unpack_onto
    from stackup.project.change import lock

    row = need(session, name)
    if session.dry_run:
        return ()
    with lock(session, row["stack"]), session.host.direct.volume(row) as fd:
        return unpack_onto(source, fd, None, top=True)
