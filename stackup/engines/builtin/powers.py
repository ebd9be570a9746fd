"""What this process has and can hand on to containers: its bounding set, its hard limits, and whether that will do."""

from __future__ import annotations

import os
import resource

from stackup.errors import HostError
from stackup.kernel import calls
from stackup.kernel.abi import PR_CAPBSET_READ
from stackup.kernel.capabilities import NUMBERS
from stackup.runtime.privileges import LIMITS, UNLIMITED, Powers


def powers() -> Powers:
    """prctl(2) for the bounding set, getrlimit(2) for the limits that Python knows by name."""
    last = _last_capability()
    bounding = sum(1 << n for n in NUMBERS.values() if n <= last and calls.prctl(PR_CAPBSET_READ, n))
    limits = {}
    for name in LIMITS:
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is not None:
            hard = resource.getrlimit(number)[1]
            limits[name] = UNLIMITED if hard == resource.RLIM_INFINITY else hard
    return Powers(bounding, limits)


def _last_capability() -> int:
    """capabilities(7): what this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        return int(file.read())


def is_root() -> bool:
    """Whether this process may make mounts and namespaces."""
    return os.geteuid() == 0 and bool(calls.capget()[0] >> NUMBERS["SYS_ADMIN"] & 1)


def require_root() -> None:
    """Raises HostError, before anything is made that could not be finished."""
    if not is_root():
        who = "this process is not root" if os.geteuid() else "this root lacks CAP_SYS_ADMIN"
        hint = "run it as root (sudo); containers of plain users are not there yet"
        raise HostError(f"{who}: namespaces and mounts cannot be made", subject="root", hint=hint)
