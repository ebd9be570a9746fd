"""What a container has used so far, as the kernel counts it: from its control groups, and the links of its init. Hot.

v2 counts everything in one group. On v1 and the hybrid the processor's time is the empty v2 group's, which counts it
without a controller, else cpuacct's where it shares cpu's hierarchy.
"""

from __future__ import annotations

import os
import time

from stackup.kernel import cgroupfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stackup.runtime.description import Usage


def read(dirs: Sequence[str], pid: int) -> Usage:
    """`pid` is the container's init."""
    received, sent = _network(pid)
    blocks_read, written = _blocks(dirs)
    return {
        "at": time.monotonic_ns(),
        "cpu": _cpu(dirs),
        "memory": _memory(dirs),
        "memory_limit": _limit(dirs),
        "received": received,
        "sent": sent,
        "read": blocks_read,
        "written": written,
        "pids": _number(cgroupfs.read(dirs, "pids.current")),
        "pressure": dict(_pressure(dirs)),
    }


def nothing() -> Usage:
    """Of a container that does not run."""
    names = ("cpu", "memory", "memory_limit", "received", "sent", "read", "written", "pids")
    return {"at": time.monotonic_ns(), **dict.fromkeys(names, 0), "pressure": {}}  # type: ignore[typeddict-item]


def _pressure(dirs: Sequence[str]) -> Iterator[tuple[str, float]]:
    """PSI of the v2 group, the empty one of the hybrid too: `some avg10=1.50 avg60=...`. accounting/psi.rst."""
    for name in ("cpu", "memory", "io"):
        words = (_psi(dirs, f"{name}.pressure") or "").split()
        if words[:1] == ["some"]:
            yield name, float(words[1].partition("=")[2])


def _psi(dirs: Sequence[str], name: str) -> str | None:
    try:
        return cgroupfs.read(dirs, name)
    except OSError:  # EOPNOTSUPP: the kernel has it and it is off
        return None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _cpu(dirs: Sequence[str]) -> int:
    """Nanoseconds."""
    for folder in dirs:
        used = cgroupfs.fields(cgroupfs.read([folder], "cpu.stat") or "").get("usage_usec")
        if used is not None:
            return int(used) * 1000
    return _number(cgroupfs.read(dirs, "cpuacct.usage"))


def _memory(dirs: Sequence[str]) -> int:
    """Without the files that nobody has used of late, which the kernel gives up when it needs the room."""
    used = _number(cgroupfs.read(dirs, "memory.current") or cgroupfs.read(dirs, "memory.usage_in_bytes"))
    told = cgroupfs.fields(cgroupfs.read(dirs, "memory.stat") or "")
    return max(0, used - int(told.get("total_inactive_file") or told.get("inactive_file") or 0))


def _limit(dirs: Sequence[str]) -> int:
    """The machine's memory where there is no limit, or a higher one."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    said = _number(cgroupfs.read(dirs, "memory.max") or cgroupfs.read(dirs, "memory.limit_in_bytes"))
    return min(said or whole, whole)


def _network(pid: int) -> tuple[int, int]:
    """(received, sent) over all links but loopback; nothing for one that has the host's network."""
    try:
        if os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
            return 0, 0
        with open(f"/proc/{pid}/net/dev", encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()[2:]
    except OSError:
        return 0, 0
    links = [(name.strip(), fields.split()) for name, _, fields in (line.partition(":") for line in lines)]
    counted = [(int(fields[0]), int(fields[8])) for name, fields in links if name != "lo"]
    return sum(one for one, _ in counted), sum(other for _, other in counted)


def _blocks(dirs: Sequence[str]) -> tuple[int, int]:
    """(read, written): the group's, and on v1 without a controller for them those of the processes that live."""
    told = cgroupfs.read(dirs, "blkio.throttle.io_service_bytes_recursive")
    if told is not None:
        lines = [line.split() for line in told.splitlines()]
        return tuple(sum(int(words[2]) for words in lines if words[1] == name) for name in ("Read", "Write"))  # type: ignore[return-value]
    text = cgroupfs.read(dirs, "io.stat")
    if text is not None:
        words = [word.partition("=") for word in text.split()]
        return tuple(sum(int(value) for key, _, value in words if key == name) for name in ("rbytes", "wbytes"))  # type: ignore[return-value]
    each = [_process(pid) for pid in cgroupfs.procs(list(dirs))]
    return sum(one for one, _ in each), sum(other for _, other in each)


def _process(pid: int) -> tuple[int, int]:
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            told = dict(line.split(": ") for line in file.read().splitlines())
    except OSError:
        return 0, 0
    return int(told["read_bytes"]), int(told["write_bytes"])
