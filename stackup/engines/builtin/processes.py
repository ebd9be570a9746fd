"""The processes of a container as `top` shows them, read from its control groups and proc(5). Hot."""

from __future__ import annotations

import os
import time

from stackup.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TICKS = os.sysconf("SC_CLK_TCK")


def processes(cgroups: Sequence[str]) -> list[dict[str, str]]:
    """Rows with the columns of `ps -ef`, by pid. A process that ends meanwhile is left out."""
    pids = sorted({pid for folder in cgroups[:1] for pid in _members(folder)})
    return [row for row in map(_row, pids) if row]


def _members(folder: str) -> Iterator[int]:
    """Of the group and those beneath it: exec and health checks have groups of their own."""
    for path, _, _ in os.walk(folder):
        try:
            with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
                yield from map(int, file.read().split())
        except OSError:
            continue


def _row(pid: int) -> dict[str, str] | None:
    """proc_pid_stat(5): fields 4 ppid, 7 tty, 14 utime, 15 stime, 22 starttime, counted from 1."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(")")
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        owner = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
    fields = rest.split()
    seconds = (int(fields[11]) + int(fields[12])) // _TICKS
    started = time.time() - _uptime() + int(fields[19]) / _TICKS
    return {
        "UID": _user(owner),
        "PID": str(pid),
        "PPID": fields[1],
        "C": str(round(100 * seconds / max(1.0, time.time() - started))),
        "STIME": time.strftime("%H:%M" if time.time() - started < 86400 else "%b%d", time.localtime(started)),
        "TTY": "?" if fields[4] == "0" else f"pts/{int(fields[4]) & 0xFF}",
        "TIME": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "CMD": command or f"[{name}]",
    }


def _uptime() -> float:
    try:
        with open("/proc/uptime", encoding="ascii") as file:
            return float(file.read().split()[0])
    except OSError as problem:
        raise HostError("cannot read /proc/uptime", subject="/proc/uptime", hint="mount /proc") from problem


def _user(uid: int) -> str:
    import pwd  # a shared object that only `top` needs

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
