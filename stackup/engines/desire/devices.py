"""A service's devices in normal form: nodes of the host by target, rules, and requests that the host answers.

Whether a node or a CDI device is there is the host's to say, when the container starts; how it is written is said here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.engines.desire.limits import Where

if TYPE_CHECKING:
    from stackup.runtime.spec import DeviceNode, DeviceRequest
    from stackup.stackfile.model import Service
    from stackup.stackfile.model.devices import DeviceRequest as FileRequest

_RULE = re.compile(r"[abc] (\*|\d{1,7}):(\*|\d{1,7}) [rwm]{1,3}")
_PERMISSIONS = re.compile(r"[rwm]{1,3}")
_GPU = "gpu"


@dataclass(slots=True)
class Devices:
    nodes: dict[str, DeviceNode] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    requests: list[DeviceRequest] = field(default_factory=list)
    where: Where = field(default_factory=dict)


def devices(name: str, service: Service, context: Context) -> Devices:
    found = Devices()
    for number, item in enumerate(service.devices):
        target = item.target or item.source
        named = "=" in item.source and not item.source.startswith("/")
        target = item.source if named else posixpath.normpath(target)
        if not _PERMISSIONS.fullmatch(item.permissions):
            _refuse(f'service "{name}": "{item.permissions}" are no permissions', ("devices", number), name, context)
        elif not named and not target.startswith("/"):
            _refuse(f'service "{name}": "{target}" is not an absolute path', ("devices", number), name, context)
        found.nodes[target] = {"source": item.source, "permissions": item.permissions}
        found.where["devices", target] = ("devices", number)
    for number, rule in enumerate(service.device_cgroup_rules):
        if not _RULE.fullmatch(rule):
            _refuse(f'service "{name}": "{rule}" is no rule', ("device_cgroup_rules", number), name, context)
        found.rules.append(rule)
    found.where["device_rules",] = ("device_cgroup_rules",)
    found.requests = list(_requests(service))
    found.where["device_requests",] = ("gpus",) if service.gpus else ("deploy", "resources", "reservations", "devices")
    return found


def _requests(service: Service) -> Iterator[DeviceRequest]:
    resources = service.deploy.resources if service.deploy else None
    for item in service.gpus:
        yield _request(item, (*item.capabilities, *((_GPU,) if _GPU not in item.capabilities else ())))
    for item in resources.reservations.devices if resources and resources.reservations else ():
        yield _request(item, item.capabilities)


def _request(said: FileRequest, capabilities: tuple[str, ...]) -> DeviceRequest:
    """-1: every one."""
    count = said.count if said.count is not None else (0 if said.device_ids else -1)
    return {
        "driver": said.driver or "",
        "count": count,
        "ids": list(said.device_ids),
        "capabilities": list(capabilities),
        "options": {key: str(value) for key, value in said.options.items()},
    }


def _refuse(detail: str, path: tuple[str | int, ...], name: str, context: Context) -> None:
    context.problems.error(
        "SU121",
        "a device cannot be had so",
        detail=detail,
        span=context.span("services", name, *path),
        hint="devices are SOURCE:TARGET:rwm, rules TYPE MAJOR:MINOR rwm, such as c 10:200 rwm",
    )
