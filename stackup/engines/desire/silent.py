"""What a file asks for in words that this engine does not know: options, drivers. Each is named once, with its line.

Whole keys without effect are the stack file's business (`stackfile.honour`); here are values of keys that have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.engines.desire.log_options import OPTIONS, options_of
from stackup.engines.desire.ready import EXTENSION, KEY
from stackup.engines.desire.tmpfs import unknown
from stackup.runtime.network import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stackup.stackfile.model import Network, Service

BESIDE_THE_HOST = frozenset(("macvlan", "ipvlan"))
"""Drivers whose containers are stations of their own on the host's link."""


def warn_service(name: str, service: Service, context: Context) -> None:
    path = ("services", name)
    ours = service.extensions.get(EXTENSION, {})
    for key in ours.keys() - {KEY} if isinstance(ours, dict) else ("",):
        detail = f'service "{name}": {EXTENSION} "{key or ours}"; what it has for a service is `{KEY}`'
        context.unhonoured(detail, *path, EXTENSION, *filter(None, (key,)))
    logging = service.logging
    if logging and logging.driver and logging.driver not in OPTIONS:
        detail = f'service "{name}": log driver "{logging.driver}"; the output is kept in files'
        context.unhonoured(detail, *path, "logging", "driver")
    for option in logging.options if logging else ():
        if option not in options_of(logging.driver if logging else None):
            context.unhonoured(f'service "{name}": log option "{option}"', *path, "logging", "options", option)
    for number, text in enumerate(service.tmpfs):
        for option in unknown(text.partition(":")[2]):
            context.unhonoured(f'service "{name}": tmpfs option "{option}"', *path, "tmpfs", number)
    for key, place in service.networks.items():
        whose = f'service "{name}" on network "{key}"'
        _options(whose, place.driver_opts, options.ENDPOINT, (*path, "networks", key, "driver_opts"), context)


def warn_ports(name: str, service: Service, networks: Mapping[str, Network], context: Context) -> None:
    """Published ports that are nobody's to publish."""
    drivers = {networks[key].driver for key in service.networks if key in networks}
    why = ""
    if service.network_mode == "host":
        why = "on the host network every port is the host's already"
    elif service.network_mode == "none":
        why = "without a network nothing leads to them"
    elif drivers and drivers <= BESIDE_THE_HOST:
        why = "a container beside the host is reached at its own address"
    if service.ports and why:
        context.unhonoured(f'service "{name}": published ports; {why}', "services", name, "ports")


def warn_network(key: str, network: Network, context: Context) -> None:
    known = options.OF_DRIVER.get(network.driver or "bridge", {})
    _options(f'network "{key}"', network.driver_opts, known, ("networks", key, "driver_opts"), context)
    for number, pool in enumerate(network.ipam.config):
        if ":" in (pool.subnet or "") and not network.enable_ipv6 and not network.external:
            detail = f'network "{key}": an IPv6 pool; the network has IPv6 with `enable_ipv6: true`'
            context.unhonoured(detail, "networks", key, "ipam", "config", number)


def _options(
    whose: str,
    said: Mapping[str, str],
    known: Mapping[str, tuple[Callable[[str], bool], str]],
    path: tuple[str | int, ...],
    context: Context,
) -> None:
    """Unknown options are named; a value that cannot be is an error now and not half-way up."""
    for option, value in said.items():
        if option not in known:
            context.unhonoured(f'{whose}: driver option "{option}"', *path, option)
        elif not known[option][0](value):
            context.problems.error(
                "SU108",
                "a driver option has no such value",
                detail=f'{whose}: "{option}" is "{value}"',
                span=context.span(*path, option),
                hint=f"expected {known[option][1]}",
            )
