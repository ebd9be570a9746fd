"""What a file asks for in words that this engine does not know: options, drivers. Each is named once, with its line.

Whole keys without effect are the stack file's business (`stackfile.honour`); here are values of keys that have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.runtime.privileges import security

if TYPE_CHECKING:
    from stackup.stackfile.model import Network, Service

MTU = "com.docker.network.driver.mtu"
LOG_DRIVERS = ("json-file", "local", "none")
LOG_OPTIONS = ("max-size", "max-file")
TMPFS_OPTIONS = ("size", "mode", "ro", "rw", "noexec", "nosuid", "nodev")
"""The last three are always so."""


def warn_service(name: str, service: Service, context: Context) -> None:
    path = ("services", name)
    for option in security(service.security_opt).ignored:
        number = service.security_opt.index(option)
        _warn(context, f'service "{name}": security_opt "{option}"', (*path, "security_opt", number))
    logging = service.logging
    if logging and logging.driver and logging.driver not in LOG_DRIVERS:
        detail = f'service "{name}": log driver "{logging.driver}"; the output is kept in files'
        _warn(context, detail, (*path, "logging", "driver"))
    for option in logging.options if logging else ():
        if option not in LOG_OPTIONS:
            _warn(context, f'service "{name}": log option "{option}"', (*path, "logging", "options", option))
    for number, text in enumerate(service.tmpfs):
        for option in filter(None, text.partition(":")[2].split(",")):
            if option.partition("=")[0] not in TMPFS_OPTIONS:
                _warn(context, f'service "{name}": tmpfs option "{option}"', (*path, "tmpfs", number))
    if service.network_mode == "host" and service.ports:
        detail = f'service "{name}": published ports; on the host network every port is the host\'s already'
        _warn(context, detail, (*path, "ports"))


def warn_network(key: str, network: Network, context: Context) -> None:
    for option in network.driver_opts:
        if option != MTU:
            _warn(context, f'network "{key}": driver option "{option}"', ("networks", key, "driver_opts", option))
    for number, pool in enumerate(network.ipam.config):
        if ":" in (pool.subnet or "") and not network.enable_ipv6 and not network.external:
            detail = f'network "{key}": an IPv6 pool; the network has IPv6 with `enable_ipv6: true`'
            _warn(context, detail, ("networks", key, "ipam", "config", number))


def _warn(context: Context, detail: str, path: tuple[str | int, ...]) -> None:
    context.problems.warning(
        "SU104", "an option is not honoured", detail=detail, span=context.span(*path), label="no effect"
    )
