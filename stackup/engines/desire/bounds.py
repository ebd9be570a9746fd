"""Limits that no kernel can keep, or that contradict each other, told with their lines before anything is begun.

The rules are Docker's where it has them: what it refuses when a container is made is refused here when it is planned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.engines.desire.limits import BLOCK, limits

if TYPE_CHECKING:
    from stackup.stackfile.model import Service

_Problem = tuple[tuple[str | int, ...], str]
"""Where beneath the service, and what is wrong there."""
_RANGES = {
    "mem_swappiness": (-1, 100), "cpu_period": (1000, 1_000_000), "cpu_rt_period": (1, 1 << 31),
    "cpu_rt_runtime": (0, 1 << 31),
}  # fmt: skip
_WEIGHTS = (10, 1000)
_GROUP = re.compile(r"/?[\w.:@-]+(/[\w.:@-]+)*/?")


def bounded(name: str, service: Service, context: Context) -> bool:
    problems = list(_problems(service))
    for path, detail in problems:
        context.problems.error(
            "SU124",
            "a limit cannot be had so",
            detail=f'service "{name}": {detail}',
            span=context.span("services", name, *path),
            hint="change the number, or leave it out; see: stackup explain SU124",
        )
    return not problems


def _problems(service: Service) -> Iterator[_Problem]:
    for key, (low, high) in _RANGES.items():
        value = getattr(service, key)
        if value and not low <= value <= high:
            yield (key,), f"{key} is {low} to {high}"
    if (service.cpu_rt_runtime or 0) > (service.cpu_rt_period or 1_000_000):
        yield ("cpu_rt_runtime",), "cpu_rt_runtime is more than its cpu_rt_period"
    yield from _memory(service)
    yield from _processors(service)
    yield from _blocks(service)
    parent = service.cgroup_parent or ""
    if parent and (not _GROUP.fullmatch(parent) or {".", ".."} & set(parent.split("/"))):
        yield ("cgroup_parent",), f'"{parent}" is no control group: names with / between them'


def _memory(service: Service) -> Iterator[_Problem]:
    """0 is no limit, and so is -1 for memory with swap."""
    found, _ = limits(service)
    memory, swap = found["memory"], found["memory_swap"]
    if swap > 0 and memory <= 0:
        yield ("memswap_limit",), "memswap_limit is memory and swap together, and there is no mem_limit"
    elif 0 < swap < memory:
        yield ("memswap_limit",), "memswap_limit is memory and swap together, and less than memory alone"
    if 0 < memory < found["memory_reservation"]:
        yield ("mem_reservation",), "more memory is reserved than it may use"


def _processors(service: Service) -> Iterator[_Problem]:
    for key in ("cpu_period", "cpu_quota"):
        if limits(service)[0]["cpus"] and getattr(service, key):
            yield (key,), f"cpus and {key} are two spellings of one limit"
    if 0 < (service.cpu_quota or 0) < 1000:
        yield ("cpu_quota",), "cpu_quota is 1000 microseconds at least"


def _blocks(service: Service) -> Iterator[_Problem]:
    said = service.blkio_config
    if said is None:
        return
    if said.weight and not _WEIGHTS[0] <= said.weight <= _WEIGHTS[1]:
        yield ("blkio_config", "weight"), "a weight is 10 to 1000"
    for key, value in BLOCK.values():
        for number, item in enumerate(getattr(said, key)):
            place = ("blkio_config", key, number)
            if not item.path.startswith("/"):
                yield place, f'"{item.path}" is not the path of a device'
            if value == "weight" and not _WEIGHTS[0] <= item.weight <= _WEIGHTS[1]:
                yield place, "a weight is 10 to 1000"
            elif getattr(item, value) < 0:
                yield place, "a rate is not negative"
