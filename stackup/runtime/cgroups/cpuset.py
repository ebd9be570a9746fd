"""Which processors a container runs on. Pure, hot. Source: admin-guide/cgroup-v2.rst, cgroup-v1/cpusets.rst."""

from __future__ import annotations

from stackup.runtime.cgroups.setting import Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.runtime.spec import Limits


def v2(limits: Limits) -> Iterator[Setting]:
    yield Setting(("cpuset",), "cpuset.cpus", limits["cpuset"] or "\n", ranges, "")


def v1(limits: Limits, parents: str) -> Iterator[Setting]:
    """`parents`: the processors of the group around it, which v1 wants to be told."""
    text = limits["cpuset"] or parents
    yield Setting(("cpuset",), "cpuset.cpus", text, ranges, "" if limits["cpuset"] else ranges(parents))


def ranges(text: str) -> str:
    """A list of processors as the kernel writes it: `2,0,1` as `0-2`. What is no list stays as it is."""
    pairs = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            return text
        pairs.append([int(first), int(last or first)])
    joined: list[list[int]] = []
    for low, high in sorted(pairs):
        if joined and low <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in joined)
