"""Time on processors: at most, as a weight, and for realtime programs. Pure but for `make_room`, hot.

Source: admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst, scheduler/sched-rt-group.rst (v1, CONFIG_RT_GROUP_SCHED).
"""

from __future__ import annotations

import os
from contextlib import suppress

from stackup.errors import KernelError
from stackup.kernel import cgroupfs
from stackup.runtime.cgroups.setting import Setting, most, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stackup.runtime.spec import Limits

_PERIOD = 100_000
_RT_PERIOD = 1_000_000
_SHARES, _WEIGHT = 1024, 100
_NO_RT = "realtime programs get no time of their own: this machine has no realtime groups (version 1 only)"


def v2(limits: Limits) -> Iterator[Setting]:
    quota, period = _bandwidth(limits)
    text = f"{most(quota)} {period}"
    if _in_parts(limits):
        yield Setting(("cpu_period",), "cpu.max", text, lambda told: int(told.split()[1]), _PERIOD)
        yield Setting(("cpu_quota",), "cpu.max", text, lambda told: number(told.split()[0]))
    else:
        yield Setting(("cpus",), "cpu.max", text, _ratio, 0.0)
    weight = weight_of(limits["cpu_shares"]) if limits["cpu_shares"] else _WEIGHT
    yield Setting(("cpu_shares",), "cpu.weight", str(weight), lambda told: shares_of(int(told)), shares_of(_WEIGHT))


def v1(limits: Limits) -> Iterator[Setting]:
    quota, period = _bandwidth(limits)
    yield Setting(("cpu_period",), "cpu.cfs_period_us", str(period), int, _PERIOD)
    if _in_parts(limits):
        yield Setting(("cpu_quota",), "cpu.cfs_quota_us", str(quota))
    else:
        yield Setting(("cpus",), "cpu.cfs_quota_us", str(quota), lambda told: number(told) / period, 0.0)
    shares = min(max(limits["cpu_shares"] or _SHARES, 2), 1 << 18)
    yield Setting(("cpu_shares",), "cpu.shares", str(shares), int, _SHARES)


def rare(limits: Limits) -> Iterator[Setting]:
    """Time for realtime programs: a fresh group has none."""
    period = limits.get("rt_period") or _RT_PERIOD
    yield Setting(("rt_period",), "cpu.rt_period_us", str(period), int, _RT_PERIOD, _NO_RT)
    yield Setting(("rt_runtime",), "cpu.rt_runtime_us", str(limits.get("rt_runtime", 0)), int, 0, _NO_RT)


def make_room(dirs: Sequence[str], limits: Limits) -> None:
    """What a group gives its children is what it has itself, so those that are ours get as much as is asked of them."""
    folder = next((one for one in dirs if os.path.exists(os.path.join(one, "cpu.rt_runtime_us"))), "")
    if not folder or not limits.get("rt_runtime"):
        return
    share = limits.get("rt_runtime", 0) / (limits.get("rt_period") or _RT_PERIOD)
    needed, inner = [], folder
    for _ in range(2):
        outer = os.path.dirname(inner)
        share += sum(_rt_share(one.path) for one in os.scandir(outer) if one.is_dir() and one.path != inner)
        needed.append((outer, share))
        inner = outer
    for outer, total in reversed(needed):
        if total > _rt_share(outer):
            with suppress(KernelError):  # there is not so much: the container's own setting does not stick then
                cgroupfs.write([outer], "cpu.rt_runtime_us", str(int(total * _RT_PERIOD) + 1))


def _rt_share(folder: str) -> float:
    runtime, period = (int(cgroupfs.read([folder], f"cpu.rt_{name}_us") or 1) for name in ("runtime", "period"))
    return runtime / period


def _in_parts(limits: Limits) -> bool:
    """Whether the file says quota and period, not a number of processors."""
    return bool(not limits["cpus"] and (limits["cpu_quota"] or limits["cpu_period"]))


def _ratio(text: str) -> float:
    quota, period = text.split()
    return number(quota) / int(period)


def _bandwidth(limits: Limits) -> tuple[int, int]:
    """(quota, period) in microseconds; quota -1: unlimited."""
    if limits["cpus"] > 0:
        return max(1000, round(limits["cpus"] * _PERIOD)), _PERIOD  # the kernel takes a millisecond at least
    return (limits["cpu_quota"] if limits["cpu_quota"] > 0 else -1), limits["cpu_period"] or _PERIOD


def weight_of(shares: int) -> int:
    """cpu.shares 2 to 262144 onto cpu.weight 1 to 10000, as every runtime maps them."""
    return 1 + (min(max(shares, 2), 262144) - 2) * 9999 // 262142


def shares_of(weight: int) -> int:
    return 2 + (weight - 1) * 262142 // 9999
