"""What is worth the time of an emulated machine: tests whose answer depends on the kernel and on systemd."""

from __future__ import annotations

PYTEST = "NO_COLOR=1 python -m pytest -q -p no:cacheprovider --tb=short"
INSIDE = "tests/vm/inside"

SUITES: dict[str, tuple[str, ...]] = {
    "lacking": (f"{INSIDE}/test_lacking.py",),
    "limits": (
        f"{INSIDE}/test_unified.py tests/kernel/test_cgroupfs.py tests/kernel/test_devicefilter.py "
        "tests/runtime/cgroups/test_limits.py tests/scenarios/verbs/test_stats.py tests/scenarios/isolation/test_devices.py",
    ),
    "walls": (
        f"{INSIDE}/test_apparmor.py tests/runtime/test_confinement.py tests/runtime/seccomp "
        "tests/scenarios/isolation/test_threats.py tests/scenarios/isolation/test_seccomp.py",
    ),
    "logs": (f"{INSIDE}/test_journal.py",),
    "networks": (f"{INSIDE}/test_ipvlan.py tests/scenarios/networks/test_drivers.py",),
    "files": ("tests/kernel/test_mounts.py tests/scenarios/verbs/test_builds.py tests/scenarios/quickstart",),
    "boot": (f"{INSIDE}/test_boot_before.py", f"{INSIDE}/test_boot_after.py"),
}
"""Stages of each, with a reboot between two: words for pytest."""


def stages(suite: str) -> list[str]:
    return [f"{PYTEST} {words}" for words in SUITES[suite]]


def together() -> list[str]:
    """All of them in one machine, which starts once for what needs no reboot."""
    first = " ".join(words for stages in SUITES.values() if len(stages) == 1 for words in stages)
    rest = [f"{PYTEST} {words}" for stages in SUITES.values() if len(stages) > 1 for words in stages]
    return [f"{PYTEST} {first}", *rest]
