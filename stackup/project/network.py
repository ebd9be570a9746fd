"""Networks by hand: create, list, look at, remove, prune; and containers on and off them while they run.

What is made here belongs to the stack `_`, which no file can be. A network of a stack can be looked at, connected to
and, when no container is on it, removed like any other: the next `up` makes it again.
"""

from __future__ import annotations

from stackup.errors import StackupError, UsageError
from stackup.layout import UNSTACKED
from stackup.project.filters import has_label, narrowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from stackup.engines.engine import Container
    from stackup.project.session import Session
    from stackup.reconcile.apply import Report
    from stackup.runtime.spec import Attachment
    from stackup.values import Data

PREDEFINED = ("bridge", "host", "none")
_TRUE, _FALSE = ("true", "1"), ("false", "0")
_FILTERS = {
    **dict.fromkeys(("driver", "id", "label", "name", "scope"), ()),
    "type": ("custom", "builtin"),
    "dangling": (*_TRUE, *_FALSE),
}


def pools(
    subnets: Sequence[str], gateways: Sequence[str], ranges: Sequence[str], aux: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Options that come one by one, put together by their family."""
    found: list[dict[str, Any]] = []
    for six in (False, True):
        mine = {
            "subnet": _of(subnets, six, "--subnet"),
            "gateway": _of(gateways, six, "--gateway"),
            "ip_range": _of(ranges, six, "--ip-range"),
            "aux_addresses": {name: address for name, address in aux.items() if (":" in address) == six},
        }
        if any(mine.values()) and not mine["subnet"]:
            raise UsageError("every gateway, range and kept address needs a --subnet", subject="--subnet")
        found += [mine] if mine["subnet"] else []
    return found


def _of(texts: Sequence[str], six: bool, option: str) -> str | None:
    mine = [text for text in texts if (":" in text) == six]
    if len(mine) > 1:
        raise UsageError(f"{option}: a network has one pool a family", subject=option)
    return mine[0] if mine else None


def described(name: str, *, pools: list[dict[str, Any]], **fields: Any) -> Data:
    """The normal form of a network that the command line describes, checked as a file's would be."""
    from stackup.stackfile.model.validate import validate  # pydantic: making one only

    network = {"name": name, "ipam": {"config": pools}, **fields}
    stack = validate({"name": UNSTACKED, "services": {}, "networks": {name: network}})
    if isinstance(stack, tuple):
        raise UsageError(f"{'.'.join(map(str, stack[0].path[2:]))}: {stack[0].message}", subject=name)
    from stackup.engines.desire import network_form

    spec, problems = network_form(name, stack.networks[name])
    for problem in problems:
        if problem.severity.value == "error":
            raise UsageError(f"{problem.summary}: {problem.detail}", subject=name, hint=problem.hint)
    return spec


def create(session: Session, name: str, spec: Data) -> Report:
    """Through the same planner as a stack's. A name that is taken is an error, whoseever it is."""
    import re

    from stackup.project.change import Aim, change
    from stackup.reconcile.decide import Policy
    from stackup.reconcile.resource import Desired
    from stackup.values import Address

    if not re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}\Z", name) or name in PREDEFINED:
        hint = "letters, digits, dots, - and _, and none of bridge, host, none"
        raise UsageError(f'"{name}" cannot be the name of a network', subject=name, hint=hint)
    if _find(session, name):
        raise UsageError(f"network with name {name} already exists", subject=name, hint="see `stackup network ls`")
    address = Address("network", name)
    aim = Aim((Desired(address, spec),), Policy(scope=frozenset((address,))))
    return change(session, UNSTACKED, lambda _: aim)


def listed(session: Session, filters: Sequence[str] = ()) -> list[dict[str, Any]]:
    """By name; each filter narrows, several of one kind widen."""
    rows = sorted(session.host.direct.networks(), key=lambda row: str(row["name"]))
    return narrowed(rows, filters, _FILTERS, _fits)


def _fits(row: Mapping[str, Any], kind: str, value: str) -> bool:
    match kind:
        case "label":
            return has_label(row["labels"], value)
        case "id":
            return value in str(row["id"])
        case "name":
            return value in row["name"]
        case "type":
            return value == "custom"
        case "scope":
            return value == "local"
        case "dangling":
            return (value in _TRUE) != bool(row["members"])
    return bool(row[kind] == value)


def _find(session: Session, name: str) -> dict[str, Any] | None:
    """By name, else by the beginning of its id."""
    rows = session.host.direct.networks()
    named = [row for row in rows if row["name"] == name]
    begun = [row for row in rows if len(name) > 3 and str(row["id"]).startswith(name)]
    return next(iter(named or begun), None)


def need(session: Session, name: str) -> dict[str, Any]:
    found = _find(session, name)
    if found is None:
        raise UsageError(f"network {name} not found", subject=name, hint="see `stackup network ls`", code="not-found")
    return found


def remove(session: Session, name: str, *, force: bool = False) -> bool:
    """False: it was not there, and that was fine."""
    row = _find(session, name) if force else need(session, name)
    if row is None:
        return False
    users = ", ".join(sorted(one["name"] for one in row["members"]))
    if users:
        hint = "remove these containers, or `stackup network disconnect` them"
        raise UsageError(f"network {name} is in use by {users}", subject=name, hint=hint)
    _delete(session, row)
    return True


def _delete(session: Session, row: Mapping[str, Any]) -> None:
    from stackup.project.change import Aim, change, erase_history
    from stackup.reconcile.decide import Policy
    from stackup.values import Address

    address = Address("network", str(row["key"]))
    policy = Policy(known=frozenset((("network", address.name),)), scope=frozenset((address,)), clear=True)
    report = change(session, str(row["stack"]), lambda _: Aim((), policy))
    for failed in report.errors:
        raise failed.error or StackupError(f"{row['name']} could not be removed", subject=str(row["name"]))
    if not session.dry_run:
        erase_history(session, str(row["stack"]))


def prune(session: Session, filters: tuple[str, ...], moment: Callable[[str], float]) -> list[str]:
    """Only those that were made by hand: a stack's leave with the stack."""
    from stackup.project.pruning import conditions

    only = conditions(filters, moment)
    rows = (row for row in session.host.direct.networks() if row["stack"] == UNSTACKED and not row["members"])
    unused = [row for row in rows if only.fit(row["labels"], float(row["created_at"]))]
    for row in unused:
        _delete(session, row)
    return [str(row["name"]) for row in unused]


def connect(session: Session, name: str, container: str, place: Attachment, links: Mapping[str, str]) -> None:
    """`links`: what this container calls others, for as long as it is on that network."""
    from stackup.project.change import lock

    row = _container(session, container)
    with lock(session, row["stack"]):
        session.host.direct.connect(row, str(need(session, name)["name"]), place, links)


def disconnect(session: Session, name: str, container: str, *, force: bool = False) -> None:
    from stackup.project.change import lock

    row = _container(session, container)
    with lock(session, row["stack"]):
        session.host.direct.disconnect(row, str(need(session, name)["name"]), force=force)


def _container(session: Session, name: str) -> Container:
    """Of any stack, by its own name or the beginning of its id."""
    direct = session.host.direct
    rows = [row for stack in direct.stacks() for row in direct.containers(stack)]
    named = [row for row in rows if row["name"] == name]
    begun = [row for row in rows if len(name) > 3 and row["instance"].startswith(name)]
    for row in (*named, *begun):
        return row
    raise UsageError(f"No such container: {name}", subject=name, hint="see `stackup ps -a`")
