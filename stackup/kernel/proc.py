"""Readers of procfs."""

from __future__ import annotations

import os
import select


def start_time(pid: int | str) -> int:
    """Start time in clock ticks, 0 when the process is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def alive(pid: int, start: int) -> bool:
    return start_time(pid) == start != 0


def open_process(pid: int, start: int) -> int | None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if select.select([pidfd], [], [], 0)[0] or not alive(pid, start):
        os.close(pidfd)
        return None
    return pidfd


def pid_of(pidfd: int) -> int:
    """The host's number of the process behind a pidfd; 0 or -1 when it is reaped."""
    with open(f"/proc/self/fdinfo/{pidfd}", "rb", buffering=0) as file:
        for line in file.read().splitlines():
            if line.startswith(b"Pid:"):
                return int(line[4:])
    return 0
