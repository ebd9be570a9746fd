"""Who runs here, read from /proc: the measured programs by their mark, an engine's own processes by their names, and
what these weigh (PSS: shared pages counted in shares).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bench.stacks import mark


def argv(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def namespace(pid: int | str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def program_of(service: str) -> int:
    """The container's program: it has the mark, and a network namespace that is not ours."""
    ours = namespace("self")
    for pid in pids():
        if argv(pid)[-1:] == [mark(service)] and namespace(pid) not in {"", ours}:
            return pid
    raise LookupError(f"no process of service {service!r} is running")


def pss_kib(belongs: Callable[[list[str]], bool]) -> int:
    """The weight of an engine's processes. Our pid namespace holds nobody else's."""
    return sum(_pss(pid) for pid in pids() if pid != os.getpid() and belongs(argv(pid)))


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
