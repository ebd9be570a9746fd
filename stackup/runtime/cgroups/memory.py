"""Memory, with and without swap, and what happens when it is full. Pure, hot.

v2 counts swap apart, v1 together with memory, as Compose does. How readily is swapped, and that nobody is killed, are
v1's only. Source: admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.
"""

from __future__ import annotations

from stackup.kernel.cgroupfs import fields
from stackup.runtime.cgroups.setting import Setting, most, number, page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.runtime.spec import Limits

_NO_SWAP = "swap is not limited: this kernel does not count it by control group"


def v2(limits: Limits) -> Iterator[Setting]:
    memory, total = page(limits["memory"]), page(_total(limits))

    def together(text: str) -> int:
        return 0 if text == "max" else memory + int(text)

    without = _NO_SWAP if limits["memory_swap"] > 0 else ""
    yield Setting(("memory",), "memory.max", most(memory))
    yield Setting(("memory_swap",), "memory.swap.max", str(total - memory) if total else "max", together, 0, without)
    yield Setting(("memory_reservation",), "memory.low", str(page(limits["memory_reservation"])))


def v1(limits: Limits) -> Iterator[Setting]:
    without = _NO_SWAP if limits["memory_swap"] > 0 else ""
    for field, file, size, lacking in (
        ("memory", "memory.limit_in_bytes", limits["memory"], None),
        ("memory_swap", "memory.memsw.limit_in_bytes", _total(limits), without),
        ("memory_reservation", "memory.soft_limit_in_bytes", limits["memory_reservation"], None),
    ):
        yield Setting((field,), file, str(page(size) or -1), number, 0, lacking)


def rare(limits: Limits, parents: str) -> Iterator[Setting]:
    """What v1 has and v2 has not. `parents`: the swappiness that a group of nobody's wish has."""
    swappiness = limits.get("swappiness")
    text = str(swappiness) if swappiness is not None else parents or "60"
    without = "control groups of version 2 have no swappiness; the machine's counts"
    idle = None if swappiness is not None else int(text)
    yield Setting(("swappiness",), "memory.swappiness", text, int, idle, without)
    text = "1" if limits.get("oom_kill_disable") else "0"
    without = "control groups of version 2 cannot stop a container that is out of memory; it is killed"
    yield Setting(("oom_kill_disable",), "memory.oom_control", text, _spared, False, without)


def _spared(text: str) -> bool:
    return fields(text).get("oom_kill_disable", text) == "1"


def _total(limits: Limits) -> int:
    """Memory plus swap; 0 unlimited. Unset means as much swap as memory, as in Docker."""
    if limits["memory"] <= 0 or limits["memory_swap"] < 0:
        return 0
    return limits["memory_swap"] or 2 * limits["memory"]
