"""What a container may use and how it is brought back: several spellings in the file, one normal form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.values import FieldPath

if TYPE_CHECKING:
    from stackup.runtime.spec import Health, Limits, Restart
    from stackup.stackfile.model import Service

Where = dict[FieldPath, tuple[str | int, ...]]
"""Field of the normal form to the path beneath the service that it came from."""

_SIMPLE = {
    "memory": "mem_limit",
    "memory_reservation": "mem_reservation",
    "memory_swap": "memswap_limit",
    "cpus": "cpus",
    "cpu_shares": "cpu_shares",
    "cpu_quota": "cpu_quota",
    "cpu_period": "cpu_period",
    "pids": "pids_limit",
}


def limits(service: Service) -> tuple[Limits, Where]:
    """`deploy.resources` wins over the service's own keys, as in docker compose; 0 or empty: not limited."""
    found: Limits = {
        "memory": service.mem_limit or 0,
        "memory_reservation": service.mem_reservation or 0,
        "memory_swap": service.memswap_limit or 0,
        "cpus": service.cpus or 0.0,
        "cpu_shares": service.cpu_shares or 0,
        "cpu_quota": service.cpu_quota or 0,
        "cpu_period": service.cpu_period or 0,
        "cpuset": service.cpuset or "",
        "pids": service.pids_limit or 0,
    }
    where: Where = {("limits", field): (key,) for field, key in _SIMPLE.items()}
    where[("limits", "cpuset")] = ("cpuset",)
    resources = service.deploy.resources if service.deploy else None
    if resources and resources.limits:
        upper = resources.limits
        found["memory"] = upper.memory or found["memory"]
        found["cpus"] = upper.cpus or found["cpus"]
        found["pids"] = upper.pids or found["pids"]
        for field, value in (("memory", upper.memory), ("cpus", upper.cpus), ("pids", upper.pids)):
            if value:
                where[("limits", field)] = ("deploy", "resources", "limits", field)
    if resources and resources.reservations and resources.reservations.memory:
        found["memory_reservation"] = resources.reservations.memory
        where[("limits", "memory_reservation")] = ("deploy", "resources", "reservations", "memory")
    return found, where


_CONDITIONS = {"none": "no", "on-failure": "on-failure", "any": "always"}


def restart(service: Service) -> tuple[Restart, Where]:
    """`deploy.restart_policy` wins over `restart`."""
    policy = service.deploy.restart_policy if service.deploy else None
    if policy:
        return {
            "policy": _CONDITIONS[policy.condition],  # type: ignore[typeddict-item]
            "attempts": policy.max_attempts or 0,
            "delay": policy.delay or 0,
            "window": policy.window or 0,
        }, {("restart",): ("deploy", "restart_policy")}
    name, _, attempts = (service.restart or "no").partition(":")
    return {
        "policy": name,  # type: ignore[typeddict-item]
        "attempts": int(attempts) if attempts.isdigit() else 0,
        "delay": 0,
        "window": 0,
    }, {("restart",): ("restart",)}


EAGER = 500_000_000
"""While a service comes up, a look that costs nothing is taken twice a second."""


def health(service: Service, ready: list[str] | None = None) -> Health | None:
    """None: the image's check, as it is. `ready` stands in the place of a test."""
    check = service.healthcheck
    if check is None and ready is None:
        return None
    own = list(check.test) if check and check.test is not None else ready
    return {
        "test": ["NONE"] if check and check.disable else own,
        "interval": check.interval if check else None,
        "timeout": check.timeout if check else None,
        "retries": check.retries if check else None,
        "start_period": check.start_period if check else None,
        "start_interval": (check.start_interval if check else None) or (EAGER if ready else None),
    }
