"""What a container may use and how it is brought back: several spellings in the file, one normal form."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stackup.values import FieldPath

if TYPE_CHECKING:
    from stackup.runtime.spec import Health, Io, Limits, Restart
    from stackup.stackfile.model import Service
    from stackup.stackfile.model.devices import Blkio

Where = dict[FieldPath, tuple[str | int, ...]]
"""Field of the normal form to the path beneath the service that it came from."""

KEYS = {
    "memory": "mem_limit", "memory_reservation": "mem_reservation", "memory_swap": "memswap_limit", "cpus": "cpus",
    "cpu_shares": "cpu_shares", "cpu_quota": "cpu_quota", "cpu_period": "cpu_period", "cpuset": "cpuset",
    "pids": "pids_limit",
}  # fmt: skip
"""Field of `Limits` to the service's own key."""
RARE = {
    "swappiness": "mem_swappiness", "oom_kill_disable": "oom_kill_disable", "rt_runtime": "cpu_rt_runtime",
    "rt_period": "cpu_rt_period",
}  # fmt: skip
"""Fields that are absent where the file does not have them."""
BLOCK = {
    "weight": ("weight_device", "weight"), "read_bps": ("device_read_bps", "rate"),
    "read_iops": ("device_read_iops", "rate"), "write_bps": ("device_write_bps", "rate"),
    "write_iops": ("device_write_iops", "rate"),
}  # fmt: skip
"""Field of a block device to the list of `blkio_config` and the key of its items."""


_NONE = {"cpus": 0.0, "cpuset": ""}
_UNSET = {"swappiness": -1}
"""Docker's word for a value that is the machine's."""


def limits(service: Service) -> tuple[Limits, Where]:
    """`deploy.resources` wins over the service's own keys, as in docker compose; 0 or empty: not limited."""
    plain = {field: getattr(service, key) or _NONE.get(field, 0) for field, key in KEYS.items()}
    plain |= {
        field: value
        for field, key in RARE.items()
        if (value := getattr(service, key)) not in (None, False, _UNSET.get(field))
    }
    found = cast("Limits", plain)
    where: Where = {("limits", field): (key,) for field, key in (KEYS | RARE).items()}
    if service.blkio_config:
        found["io"] = _io(service.blkio_config, where)
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


def _io(said: Blkio, where: Where) -> Io:
    """One entry a device, from a list a kind of limit; of two on one device the later counts."""
    found: Io = {"weight": said.weight or 0, "devices": {}}
    where["limits", "io", "weight"] = ("blkio_config", "weight")
    for field, (key, value) in BLOCK.items():
        for number, item in enumerate(getattr(said, key)):
            device = found["devices"].setdefault(item.path, {})
            device[field] = getattr(item, value)  # type: ignore[literal-required]
            where["limits", "io", "devices", item.path, field] = ("blkio_config", key, number)
    return found


def key_of(path: FieldPath) -> str:
    """The key that a field of `Limits` has in a service."""
    if path[0] != "io":
        return (KEYS | RARE)[path[0]]
    return f"blkio_config.{BLOCK[path[-1]][0] if len(path) > 2 else 'weight'}"


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
