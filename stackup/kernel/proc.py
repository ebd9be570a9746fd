"""procfs, parsed: pure functions on its text, and small readers that say "gone" with None. Hot.

Law: a pid is a name that the kernel gives away again, so a process is (pid, start time) and is acted on through a pidfd
whose start time was checked after it was opened. Source: proc(5), `Documentation/filesystems/proc.rst`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Mount:
    """One line of mountinfo. `root` is the part of the file system that is mounted at `place`."""

    __slots__ = ("device", "fstype", "options", "place", "propagation", "root", "source", "super_options")

    def __init__(self, fields: list[str], rest: list[str]) -> None:
        self.device, self.root, self.place = fields[2], _unescape(fields[3]), _unescape(fields[4])
        self.options, self.propagation = fields[5].split(","), fields[6:]
        self.fstype, self.source = rest[0], _unescape(rest[1])
        self.super_options = rest[2].split(",") if len(rest) > 2 else []


def parse_mountinfo(text: str) -> Iterator[Mount]:
    """The optional fields in the middle vary in number and end with a lone hyphen."""
    for line in text.splitlines():
        head, found, tail = line.partition(" - ")
        fields, rest = head.split(" "), tail.split(" ")
        if found and len(fields) >= 6 and len(rest) >= 2:
            yield Mount(fields, rest)


def _unescape(text: str) -> str:
    r"""Blank, tab, newline and backslash are written as `\040` and the like."""
    if "\\" not in text:
        return text
    first, *others = text.split("\\")
    for part in others:
        octal = part[:3]
        known = len(octal) == 3 and octal.isascii() and octal.isdigit() and max(octal) < "8"
        first += chr(int(octal, 8)) + part[3:] if known else "\\" + part
    return first


def parse_start(stat: str) -> int:
    """Start time in clock ticks since boot: field 22. The name in field 2 may hold blanks and parentheses."""
    return int(stat.rpartition(")")[2].split()[19])


def parse_state(stat: str) -> str:
    """One letter: R, S, D, Z, T and so on."""
    return stat.rpartition(")")[2].split()[0]


def parse_ending(stat: str) -> bool:
    """Whether it is on its way out, PF_EXITING of field 9: PID 1 of a namespace stays so until the last process in it
    has been reaped.
    """
    return bool(int(stat.rpartition(")")[2].split()[6]) & 0x4)


def parse_status(text: str) -> dict[str, str]:
    """`Name`, `NSpid`, `SigCgt`, `CapBnd`, `Groups` and the rest, as text."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, colon, value in pairs if colon}


def parse_cgroup(text: str) -> dict[str, str]:
    """Controllers (`cpu,cpuacct`, `name=systemd`, empty on v2) to the path within that hierarchy."""
    found = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if colon:
            found[controllers] = path.removesuffix(" (deleted)")
    return found


def read(path: str) -> str | None:
    """The file's text; None when the process, or the whole file, is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError, PermissionError):
        return None
    pieces = []
    try:
        while piece := os.read(fd, 65536):
            pieces.append(piece)
    except ProcessLookupError:  # it ended between open and read
        return None
    finally:
        os.close(fd)
    return b"".join(pieces).decode(errors="replace")


def mounts(pid: int | str = "self") -> list[Mount]:
    return list(parse_mountinfo(read(f"/proc/{pid}/mountinfo") or ""))


def ending(pid: int) -> bool:
    """On its way out, or gone."""
    stat = read(f"/proc/{pid}/stat")
    return not stat or parse_ending(stat)


def start_time(pid: int) -> int | None:
    stat = read(f"/proc/{pid}/stat")
    return parse_start(stat) if stat else None


def status(pid: int) -> dict[str, str]:
    """Empty when the process is gone."""
    return parse_status(read(f"/proc/{pid}/status") or "")


def cgroups(pid: int | str = "self") -> dict[str, str]:
    return parse_cgroup(read(f"/proc/{pid}/cgroup") or "")


def alive(pid: int, start: int) -> bool:
    """Whether this very process runs; a zombie has ended."""
    stat = read(f"/proc/{pid}/stat")
    return bool(stat) and parse_start(stat or "") == start and parse_state(stat or "") not in ("Z", "X")


def open_process(pid: int, start: int) -> int | None:
    """A pidfd of this very process, or None when it has ended; the caller owns it.

    Opened first and checked after: a pid that was given away in between has another start time.
    """
    if pid <= 0:
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except (ProcessLookupError, ValueError):
        return None
    except OSError as problem:
        if problem.errno == 22:  # EINVAL: the pid is a thread by now
            return None
        raise
    if alive(pid, start):
        return pidfd
    os.close(pidfd)
    return None


def pid_of(pidfd: int) -> int:
    """The pid behind a pidfd as this procfs counts; 0 when it is not visible here, -1 when the process was reaped.

    /proc/self/fdinfo, fields `Pid` and `NSpid` (Linux 5.4).
    """
    return int(parse_status(read(f"/proc/self/fdinfo/{pidfd}") or "").get("Pid", "-1"))


def handles_signal(pid: int, number: int) -> bool:
    """Whether the process has a handler: PID 1 of a namespace ignores what it has none for (pid_namespaces(7))."""
    return bool(int(status(pid).get("SigCgt", "0"), 16) >> (number - 1) & 1)
