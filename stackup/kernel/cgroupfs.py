"""Control groups as files: make, join, list, freeze, kill and remove them, on v2, v1 and the hybrid of both. Hot.

Law: every function takes the directories of one group, one on v2 and one a controller on v1, and finds out from the
files in them what they are; nothing is derived from the caller's own group. Only directories that we made are written
to, but for the switches that hand controllers down on v2. Source: cgroups(7), admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from stackup.errors import HostError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REMOVE_S = 2.0
KILL_S = 5.0


_where: dict[str, int] = {}
"""Which of a group's directories had a file of this name the last time: all groups of a machine are alike."""


def _likely_first(dirs: Sequence[str], name: str) -> Sequence[tuple[int, str]]:
    numbered = list(enumerate(dirs))
    at = _where.get(name, 0)
    return [*numbered[at : at + 1], *numbered[:at], *numbered[at + 1 :]]


def _remember(dirs: Sequence[str], name: str, number: int) -> None:
    if len(dirs) > 1:
        _where[name] = number


def read(dirs: Sequence[str], name: str) -> str | None:
    """The text of a file that one of the directories has; None when no directory has it."""
    for number, folder in _likely_first(dirs, name):
        try:
            fd = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            text = _read_all(fd)
        except OSError as problem:
            if problem.errno != errno.ENODEV:  # the group is being removed
                raise
            continue
        finally:
            os.close(fd)
        _remember(dirs, name, number)
        return text.decode().strip()
    return None


def _read_all(fd: int) -> bytes:
    found = b""
    while part := os.read(fd, 4096):
        found += part
    return found


def write(dirs: Sequence[str], name: str, text: str) -> bool:
    """Whether a directory has this file; a refusal is a KernelError."""
    for number, folder in _likely_first(dirs, name):
        path = f"{folder}/{name}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as problem:
            raise KernelError(problem.errno or 0, "open", path) from problem
        try:
            os.write(fd, text.encode())
        except OSError as problem:
            raise KernelError(problem.errno or 0, "write", f"{path}={text}") from problem
        finally:
            os.close(fd)
        _remember(dirs, name, number)
        return True
    return False


def make(folder: str) -> bool:
    """One group; False: there already is, which is success. A v1 cpuset starts empty and takes nobody in until it has
    processors."""
    made = True
    try:
        os.mkdir(folder, 0o755)
    except FileExistsError:
        made = False
    except OSError as problem:
        hint = "run as root, or in a session whose control groups are delegated to the user"
        text = f'cannot make the control group "{folder}": {problem.strerror}'
        raise HostError(text, subject=folder, hint=hint) from problem
    if os.path.exists(os.path.join(folder, "cpuset.effective_cpus")):  # a name of v1's only
        for name in ("cpuset.cpus", "cpuset.mems"):
            if not read([folder], name):
                write([folder], name, read([os.path.dirname(folder)], name) or "")
    return made


def join(dirs: Iterable[str], pid: int = 0) -> None:
    """0: the caller. All directories, or an error that names the one that refused."""
    for folder in dirs:
        write([folder], "cgroup.procs", str(pid))


def child(dirs: list[str], name: str) -> list[str]:
    """A group inside the container's for one exec or probe, made where groups can be killed; the rest stays shared."""
    home = _killable(dirs)
    inner = os.path.join(home, name)
    make(inner)
    return [inner if folder == home else folder for folder in dirs]


def _killable(dirs: list[str]) -> str:
    for name in ("cgroup.kill", "freezer.state", "cgroup.procs"):
        for folder in dirs:
            if os.path.exists(os.path.join(folder, name)):
                return folder
    return dirs[0]


def below(folder: str) -> list[str]:
    """The group and every group inside it, innermost first."""
    found = []
    try:
        with os.scandir(folder) as entries:
            inner = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in inner:
        found += below(path)
    return [*found, folder]


def procs(dirs: list[str]) -> list[int]:
    """Pids in the group and in the groups inside it."""
    found: set[int] = set()
    if dirs:
        for folder in below(_killable(dirs)):
            found |= {int(pid) for pid in (read([folder], "cgroup.procs") or "").split()}
    return sorted(found - {0})


def kill(dirs: list[str], deadline_s: float = KILL_S) -> list[int]:
    """SIGKILL everything inside, fork bombs too; the pids that are still there at the deadline (in D state, say).

    `cgroup.kill` (Linux 5.14) is one write. Without it: freeze, kill through pidfds, thaw (a frozen task of v1 does not
    die), and look again, since what was forked meanwhile is still there.
    """
    if not dirs:
        return []
    home = _killable(dirs)
    end = time.monotonic() + deadline_s
    atomic = os.path.exists(os.path.join(home, "cgroup.kill"))
    while True:
        if atomic:
            _try_write(home, "cgroup.kill", "1")
        left = procs(dirs)
        if not left or time.monotonic() > end:
            return left
        if not atomic:
            _kill_frozen(home, dirs)
        _wait_for_end(left[0], min(0.05, max(0.0, end - time.monotonic())))


def _kill_frozen(home: str, dirs: list[str]) -> None:
    _try_write(home, "freezer.state", "FROZEN")
    try:
        for pid in procs(dirs):
            _kill_one(pid, dirs)
    finally:
        _try_write(home, "freezer.state", "THAWED")


def _kill_one(pid: int, dirs: list[str]) -> None:
    """The pid is looked up again after the pidfd exists: by then it is either ours or not in the group."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return  # ended meanwhile
    try:
        if pid in procs(dirs):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)


def _wait_for_end(pid: int, timeout_s: float) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll(timeout_s * 1000)
    finally:
        os.close(pidfd)


def _try_write(folder: str, name: str, text: str) -> None:
    """For groups that may vanish while they are being ended."""
    try:
        write([folder], name, text)
    except KernelError as problem:
        if problem.errno not in (errno.ENODEV, errno.ENOENT):
            raise


def freeze(dirs: list[str], deadline_s: float = KILL_S) -> bool:
    """Stop every process inside; whether all stand still at the deadline."""
    if write(dirs, "cgroup.freeze", "1"):
        return _wait_frozen(dirs, deadline_s)
    end = time.monotonic() + deadline_s
    while write(dirs, "freezer.state", "FROZEN"):
        if read(dirs, "freezer.state") == "FROZEN":
            return True
        if time.monotonic() > end:
            break
        time.sleep(0.001)  # FREEZING: v1 tells nobody when it is done
    return False


def thaw(dirs: list[str]) -> None:
    if not write(dirs, "cgroup.freeze", "0"):
        write(dirs, "freezer.state", "THAWED")


def frozen(dirs: list[str]) -> bool:
    events = read(dirs, "cgroup.events")
    if events is not None:
        return fields(events).get("frozen") == "1"
    return read(dirs, "freezer.state") == "FROZEN"


def _wait_frozen(dirs: list[str], deadline_s: float) -> bool:
    """cgroup.events is polled for changes: POLLPRI."""
    home = next(folder for folder in dirs if os.path.exists(os.path.join(folder, "cgroup.events")))
    fd = os.open(os.path.join(home, "cgroup.events"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        poll, end = select.poll(), time.monotonic() + deadline_s
        poll.register(fd, select.POLLPRI)
        while fields(os.pread(fd, 4096, 0).decode()).get("frozen") != "1":
            left = end - time.monotonic()
            if left <= 0:
                return False
            poll.poll(left * 1000)
        return True
    finally:
        os.close(fd)


def fields(text: str) -> dict[str, str]:
    """`key value` lines."""
    return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)


def oom_count(dirs: list[str]) -> int:
    """How many processes the out-of-memory killer has ended here (v1 since Linux 4.13)."""
    for name in ("memory.events", "memory.oom_control"):
        text = read(dirs, name)
        if text is not None:
            return int(fields(text).get("oom_kill", "0"))
    return 0


def remove(dirs: Iterable[str], deadline_s: float = REMOVE_S) -> list[str]:
    """Remove the groups with everything inside them; what could not be removed, because somebody is still in there.

    A group is busy until its last process is reaped, which is a moment after its end.
    """
    left, end = [], time.monotonic() + deadline_s
    for folder in dirs:
        for path in below(folder):
            while not _remove_one(path):
                if time.monotonic() > end:
                    left.append(path)
                    break
                time.sleep(0.002)
    return left


def _remove_one(path: str) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError as problem:
        if problem.errno in (errno.EBUSY, errno.ENOTEMPTY):
            return False
        raise HostError(f'cannot remove the control group "{path}": {problem.strerror}', subject=path) from problem
    return True


def prune(folder: str) -> bool:
    """Remove a group that nobody uses; False: it is in use, not there, or not ours to remove, which is all fine."""
    try:
        os.rmdir(folder)
    except OSError:
        return False
    return True
