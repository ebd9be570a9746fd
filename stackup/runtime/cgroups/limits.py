"""Limits written to a container's groups, and read back. Hot.

Law: a limit is what the kernel says it is. `apply` writes what is not there yet and gives what did not stick; `drift`
gives what is there and was not asked for. Both compare settings, which the controllers' modules make of the limits.
"""

from __future__ import annotations

import errno
import os

from stackup.errors import KernelError
from stackup.kernel import cgroupfs
from stackup.runtime.cgroups import cpu, cpuset, memory, pids
from stackup.runtime.cgroups.setting import NoDevice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from stackup.runtime.cgroups.setting import Setting
    from stackup.runtime.spec import Limits

_PASSES = 2
"""What bounds another value cannot always be written before it: memory, and memory with swap."""


class Missed:
    """A setting that is not as wanted: what the kernel has instead (None: it has no such file), and what it said."""

    __slots__ = ("got", "problem", "setting")

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.got: Any = None
        self.problem: KernelError | None = None

    @property
    def done_without(self) -> bool:
        """The kernel cannot, and the container can do without."""
        cannot = self.got is None or (self.problem is not None and self.problem.errno == errno.EOPNOTSUPP)
        return cannot and self.setting.without is not None


def apply(dirs: Sequence[str], limits: Limits, *, fresh: bool = False) -> list[Missed]:
    """Lowers and lifts alike. `fresh`: nobody has limited the groups yet: what is not asked for is as it should be."""
    if "rt_runtime" in limits:
        cpu.make_room(dirs, limits)
    if fresh:
        missed = [Missed(one) for one in settings(dirs, limits) if one.asked]
    else:
        missed = _behind(dirs, map(Missed, settings(dirs, limits, whole=True)))
    for _ in range(_PASSES):
        for one in missed:
            one.problem = _write(dirs, one.setting)
        missed = _behind(dirs, missed)
    return missed


def drift(dirs: Sequence[str], limits: Limits) -> dict[tuple[str, ...], Any]:
    """Fields of the normal form that are otherwise, with what is there in the file's spelling; None: it is gone.

    What a container does without is nobody's drift: whoever asked for it was told at the start.
    """
    if not any(os.path.isdir(folder) for folder in dirs):
        return {(field,): None for field in limits}
    try:
        behind = _behind(dirs, map(Missed, settings(dirs, limits)))
    except NoDevice as gone:
        return {("io", "devices", gone.subject): None}
    return {one.setting.path: one.got for one in behind if not one.done_without}


def settings(dirs: Sequence[str], limits: Limits, *, whole: bool = False) -> Iterator[Setting]:
    """`whole`: with what few files ask for, so that it goes when no file does any more."""
    if _is_v2(dirs):
        yield from (*memory.v2(limits), *cpu.v2(limits), *cpuset.v2(limits))
    else:
        yield from (*memory.v1(limits), *cpu.v1(limits), *cpuset.v1(limits, _around(dirs, "cpuset.cpus")))
    yield from pids.settings(limits)
    if whole or "rt_runtime" in limits or "rt_period" in limits:
        yield from cpu.rare(limits)
    if whole or "swappiness" in limits or "oom_kill_disable" in limits:
        yield from memory.rare(limits, _around(dirs, "memory.swappiness"))
    if whole or "io" in limits:
        from stackup.runtime.cgroups import io  # for those that ask for it

        yield from io.settings(limits, dirs)


def _is_v2(dirs: Sequence[str]) -> bool:
    return len(dirs) == 1 and os.path.exists(os.path.join(dirs[0], "cgroup.controllers"))


def _around(dirs: Sequence[str], name: str) -> str:
    """What the group that they are in has."""
    return cgroupfs.read([os.path.dirname(folder) for folder in dirs], name) or ""


def _behind(dirs: Sequence[str], those: Iterable[Missed]) -> list[Missed]:
    found = []
    for one in those:
        text = cgroupfs.read(dirs, one.setting.file)
        one.got = None if text is None else one.setting.tell(text)
        if one.got != one.setting.wanted and (one.setting.asked or text is not None):
            found.append(one)
    return found


def _write(dirs: Sequence[str], one: Setting) -> KernelError | None:
    try:
        cgroupfs.write(dirs, one.file, one.text)
    except KernelError as problem:
        return problem
    return None
