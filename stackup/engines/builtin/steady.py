"""Is everything as it should be? The question behind a no-op `up`, answered from records and cheap kernel truth.

Hot: it plans nothing and imports nothing dear. A yes is certain of what it looks at: every wanted resource has a sound
record with the wanted normal form, holds the instances that are there, and lives. Anything else is a no, and then the
planner, which knows all the reasons, is asked.
"""

from __future__ import annotations

import os

from stackup.kernel import files, mounts
from stackup.layout import CONTROL, NETNS
from stackup.runtime import record
from stackup.runtime.cgroups import limits
from stackup.runtime.network import firewall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from stackup.layout import Layout


def unchanged(layout: Layout, stack: str, desired: Sequence[Mapping[str, Any]]) -> bool:
    """`desired` is the cached desired set as `codec.desired_out` writes it."""
    wanted = {item["address"]: item for item in desired}
    records = _records(layout, stack)
    if wanted.keys() != records.keys():
        return False
    alike = all(_same(item, records) and _alive(layout, stack, item, records[at]) for at, item in wanted.items())
    return alike and _leads_there(records.values())


def _leads_there(records: Iterable[Mapping[str, Any]]) -> bool:
    """The host's table still lets our uplinks through and sends published ports to their containers."""
    given = [mine["given"] for mine in records]
    links, links6 = ([one["link"] for one in given if one.get(ends)] for ends in ("uplink", "uplink6"))
    published = [port for one in given for port in one.get("published", ())]
    if not (links or links6 or published) or not firewall.available():
        return True
    sides = (("uplink", "subnet"), ("uplink6", "subnet6"))
    subnets = [one[subnet] for one in given for ends, subnet in sides if one.get(ends)]
    return firewall.admitted(links, links6) and firewall.routed(subnets) and all(firewall.observe(published))


def _records(layout: Layout, stack: str) -> dict[str, dict[str, Any]]:
    """Every record of the stack by address, each with the folder that it lies in."""
    found: dict[str, dict[str, Any]] = {}
    for kind in files.list_dir(layout.stack_dir(stack)):
        for directory, value in record.walk(layout.kind_dir(stack, kind)):
            found[value["address"]] = {**value, "directory": directory, "kind": kind}
    return found


def _same(item: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]) -> bool:
    mine = records[item["address"]]
    if mine["phase"] != "ready" or mine.get(record.DAMAGED) or mine["spec"] != item["spec"]:
        return False
    held = [need[0] for need in item["needs"] if need[2]]
    return mine["holds"].keys() == set(held) and all(records[on]["instance"] == mine["holds"][on] for on in held)


def _alive(layout: Layout, stack: str, item: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    kind, live = mine["kind"], layout.live_dir(stack, mine["kind"], mine["directory"])
    if mine["spec"].get("external"):
        return False  # somebody else's: the planner looks
    if kind == "network":
        there = bool(mine["spec"]["internal"]) or mine["given"].get("link") in _links()
        return there and (bool(mine["given"].get("parent")) or os.path.ismount(os.path.join(live, NETNS)))
    if kind in ("secret", "config"):
        return os.path.exists(os.path.join(live, "content"))
    if kind == "container":
        return item["run"] == "running" and _runs(layout, stack, mine, live)
    return mine["spec"]["driver"] == "local" and _is_there(mine)


def _is_there(volume: Mapping[str, Any]) -> bool:
    data = volume["given"]["data"]
    return mounts.is_mount(data) if volume["spec"]["driver_opts"] else os.path.isdir(data)


def _links() -> set[str]:
    """Of our own network namespace: /proc/net says so wherever /sys was mounted."""
    with open("/proc/net/dev", encoding="ascii", errors="replace") as file:
        return {line.partition(":")[0].strip() for line in file}


def _runs(layout: Layout, stack: str, mine: Mapping[str, Any], live: str) -> bool:
    """Running with a monitor that answers for it, or a job that ended well by itself."""
    status = record.observe_status(layout.address_dir(stack, "container", mine["directory"]))
    if status is None or status["instance"] != mine["instance"]:
        return False
    if status["state"] == "running" and not status.get("stopping"):
        return os.path.exists(os.path.join(live, CONTROL)) and limits_hold(mine)
    return status["state"] == "exited" and status["exit_code"] == 0 and not status["stopped"]


def limits_hold(mine: Mapping[str, Any]) -> bool:
    """The control groups say what the file says: read, not remembered."""
    return not limits.drift(mine["given"]["cgroups"], mine["spec"]["limits"])
