"""`userns_mode` of a service: the host's users, or a range of its own.

Law: a word that is not known is an error, since the author believes to be protected by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.runtime.idmaps import SIZE

if TYPE_CHECKING:
    from stackup.stackfile.model import Service

AUTO = "auto"
_SIZE = "size="


def users(name: str, service: Service, context: Context) -> str:
    """`auto`, or empty for the host's. Bad ones are problems."""
    mode, _, options = (service.userns_mode or "").partition(":")
    place = ("services", name, "userns_mode")
    if mode in ("", "host") and not options:
        return ""
    if why := _refusal(mode, options, service):
        context.problems.error(
            "SU120",
            "a security option cannot be had",
            detail=f'service "{name}": userns_mode "{service.userns_mode}": {why}',
            span=context.span(*place),
            hint="correct it, or leave it out and know that it does not protect",
        )
        return ""
    for what in _without_effect(options, service):
        context.unhonoured(f'service "{name}": userns_mode "{service.userns_mode}": {what}', *place)
    return AUTO


def _refusal(mode: str, options: str, service: Service) -> str:
    if mode != AUTO:
        return "it is neither host nor auto"
    size = options.removeprefix(_SIZE)
    if options and not (options.startswith(_SIZE) and size.isdecimal() and 0 < int(size) <= SIZE):
        return f"of the options of auto there is size=, up to {SIZE}"
    if service.privileged:
        return "a privileged container has the host's powers, and so the host's users"
    return ""


def _without_effect(options: str, service: Service) -> list[str]:
    found = []
    if options not in ("", f"{_SIZE}{SIZE}"):
        found.append(f"every container gets {SIZE} users")
    if (service.network_mode or "bridge").partition(":")[0] in ("host", "service", "container"):
        found.append(f'on the network of "{service.network_mode}", its root has no powers over it')
    if service.device_cgroup_rules:
        found.append("its root makes no device nodes, so `device_cgroup_rules` have none to be about")
    return found
