"""Which devices a container gets, and what comes with them: the usual ones, the host's by path, a vendor's by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.engines.builtin import cdi
from stackup.engines.builtin.cdi import Edits, Registry
from stackup.runtime import devices

if TYPE_CHECKING:
    from stackup.runtime.devices import Device
    from stackup.runtime.spec import ContainerSpec, Mount


@dataclass(frozen=True, slots=True)
class Equipment:
    nodes: tuple[Device, ...]
    rules: list[str]
    strict: bool = False
    """The rules say more than which nodes there are."""
    env: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    mounts: dict[str, Mount] = field(default_factory=dict)
    undone: tuple[str, ...] = ()
    """What a vendor's file asks for and is not done."""


def equip(spec: ContainerSpec, registry: Registry | None) -> Equipment:
    """Raises HostError for what this machine does not have. A registry is needed for devices by name only."""
    asked, requests = spec.get("devices", {}), spec.get("device_requests", [])
    edits = registry.edits(filter(cdi.is_name, asked), requests) if registry else Edits()
    nodes = {node["target"]: node for node in _usual(spec)}
    for target, node in asked.items():
        if not cdi.is_name(target):
            found = devices.named_devices(node["source"], target, node["permissions"])
            nodes |= {one["target"]: one for one in found}
    nodes |= {one["target"]: one for one in edits.devices}
    own = spec.get("device_rules", [])
    chosen = tuple(nodes.values())
    rules = devices.rules(chosen, privileged=spec["privileged"])
    limited = any(set(one.get("permissions", "rwm")) != set("rwm") for one in chosen)
    return Equipment(
        chosen, [*rules, *own], bool(own) or limited, edits.env, tuple(edits.groups), edits.mounts, tuple(edits.undone)
    )


def _usual(spec: ContainerSpec) -> tuple[Device, ...]:
    return devices.host_devices() if spec["privileged"] else devices.default_devices()
