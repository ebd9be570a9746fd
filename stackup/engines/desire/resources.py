"""Networks and volumes: from the stack to their normal forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.engines.desire.mountable import there
from stackup.engines.desire.silent import warn_network
from stackup.engines.engine import ANONYMOUS
from stackup.reconcile.resource import Desired
from stackup.runtime.volumes import drivers
from stackup.runtime.volumes.options import binds
from stackup.values import Address, Data, FieldPath

if TYPE_CHECKING:
    from stackup.diagnostics import Span
    from stackup.stackfile.model import Network, Pool, Stack, Volume

NETWORK_DRIVERS = ("bridge", "macvlan", "ipvlan")
_POOL = ("subnet", "gateway", "ip_range")


def networks(stack: Stack, context: Context) -> Iterator[Desired]:
    """Only those that a service is on: an unused network is not made."""
    used = {name for service in stack.services.values() for name in service.networks}
    for key, one in stack.networks.items():
        if key in used:
            spec = network(key, one, context)
            yield Desired(Address("network", key), spec, origins=_origins(one, context, key))


def network(key: str, said: Network, context: Context) -> Data:
    driver = said.driver or "bridge"
    if driver not in NETWORK_DRIVERS and not said.external:
        context.problems.error(
            "SU101",
            "this release has no such driver",
            detail=f'network "{key}" asks for the driver "{driver}"',
            span=context.span("networks", key, "driver"),
            hint="a network of several hosts comes with an engine for several hosts; here, write `driver: bridge`"
            if driver == "overlay"
            else f"one of {', '.join(NETWORK_DRIVERS)}",
        )
    warn_network(key, said, context)
    pool, pool6 = (_pool(key, said, context, six=six) for six in (False, True))
    return {
        "name": said.name,
        "external": said.external,
        "driver": driver,
        "driver_opts": dict(said.driver_opts),
        "internal": said.internal,
        "ipv4": said.enable_ipv4 is not False,
        "ipv6": bool(said.enable_ipv6),
        **{field: (getattr(pool, field) if pool else None) or "" for field in _POOL},
        **{f"{field}6": (getattr(pool6, field) if pool6 else None) or "" for field in _POOL},
        "reserved": {**(pool.aux_addresses if pool else {}), **(pool6.aux_addresses if pool6 else {})},
        "labels": dict(said.labels),
    }


def _pool(key: str, network: Network, context: Context, *, six: bool) -> Pool | None:
    """The one of a family. A bridge has one subnet a family: a second one is an error, as it is with an engine."""
    found = [number for number, pool in enumerate(network.ipam.config) if (":" in _range(pool)) == six]
    for number in found[1:]:
        context.problems.error(
            "SU107",
            "a network has one pool a family",
            detail=f'network "{key}" has a second {"IPv6" if six else "IPv4"} pool',
            span=context.span("networks", key, "ipam", "config", number),
            hint="leave it out, or give the network one larger subnet",
        )
    wanted = network.enable_ipv6 if six else network.enable_ipv4 is not False
    return network.ipam.config[found[0]] if found and wanted else None


def _range(pool: Pool) -> str:
    return pool.subnet or pool.gateway or pool.ip_range or ""


def _origins(network: Network, context: Context, key: str) -> dict[FieldPath, Span]:
    table: dict[FieldPath, tuple[str | int, ...]] = {
        (): (),
        ("name",): ("name",),
        ("driver",): ("driver",),
        ("internal",): ("internal",),
        ("driver_opts",): ("driver_opts",),
        ("ipv4",): ("enable_ipv4",),
        ("ipv6",): ("enable_ipv6",),
        ("labels",): ("labels",),
    }
    for number, pool in enumerate(network.ipam.config):
        side = "6" if ":" in _range(pool) else ""
        for field in _POOL:
            table[(field + side,)] = ("ipam", "config", number, field)
    return {field: span for field, path in table.items() if (span := context.span("networks", key, *path))}


def volumes(stack: Stack, context: Context) -> Iterator[Desired]:
    """Those that a service mounts; one that is only declared is not made."""
    used = {
        mount.source
        for service in stack.services.values()
        for mount in service.volumes
        if mount.type == "volume" and mount.source
    }
    for key, one in stack.volumes.items():
        if key in used:
            origins: dict[FieldPath, Span] = {}
            for field in ((), ("name",), ("driver",), ("driver_opts",), ("labels",)):
                span = context.span("volumes", key, *field)
                if span:
                    origins[field] = span
            yield Desired(Address("volume", key), volume(key, one, context), origins=origins)


def volume(key: str, said: Volume, context: Context) -> Data:
    driver = said.driver or drivers.LOCAL
    if not said.external:
        _check_driver(key, driver, said, context)
    return {
        "name": said.name,
        "external": said.external,
        "driver": driver,
        "driver_opts": dict(said.driver_opts),
        "labels": dict(said.labels),
    }


def _check_driver(key: str, name: str, said: Volume, context: Context) -> None:
    driver = drivers.find(name)
    if driver is None:
        context.problems.error(
            "SU101",
            "this release has no such driver",
            detail=f'volume "{key}" asks for the driver "{name}"',
            span=context.span("volumes", key, "driver"),
            hint=f"leave the driver out, write `driver: local`, or install the package that brings {name}",
        )
        return
    for option, text in driver.check(said.driver_opts):
        context.problems.error(
            "SU108",
            "a driver option has no such value",
            detail=f'volume "{key}": {option}: {text}',
            span=context.span("volumes", key, "driver_opts", option),
        )
    if name == drivers.LOCAL and (source := binds(said.driver_opts)):
        there(f'volume "{key}"', source, ("volumes", key, "driver_opts", "device"), context)


def anonymous_volume(name: str, labels: dict[str, str]) -> Data:
    """The normal form of a volume that only one container knows; docker's label says so."""
    own: Data = {ANONYMOUS: "", **labels}
    return {"name": name, "external": False, "driver": drivers.LOCAL, "driver_opts": {}, "labels": own}
