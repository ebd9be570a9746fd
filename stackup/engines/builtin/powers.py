"""What this process has and can hand on to containers: its bounding set and its hard limits."""

from __future__ import annotations

import resource

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
