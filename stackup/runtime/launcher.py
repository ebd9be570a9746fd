"""The small process that forks monitors: single-threaded, little loaded, gone with its command.

Hot. Started by `launch` as `python -I -S -c` on `main`, with a stream of descriptions as descriptor 0 and a packet
socket for answers as 1. One description is read at a time, and nothing of one container's is open when the next is
forked, since a sibling would hide end of file. A monitor answers for itself; the launcher answers for the dead.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import socket
import time

from stackup.errors import HostError, StackupError
from stackup.kernel import calls, files
from stackup.runtime import namespaces, record, users
from stackup.runtime.control import fault
from stackup.runtime.frames import Channel
from stackup.runtime.monitor import COMM, OOM_SCORE_ADJ, Monitor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.runtime.description import Description, Status

_HIGHEST = 1 << 20
POSSESSION_S = 10.0


def main() -> None:
    """The program. Ends when the command closes its end, or has died."""
    os.closerange(3, _HIGHEST)
    os.umask(0o077)
    os.chdir("/")
    _rename("stackup-launch")
    descriptions = Channel(socket.socket(fileno=os.dup(0)))
    answers = socket.socket(fileno=os.dup(1))
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for number in (0, 1):
        os.dup2(null, number)
    os.close(null)
    Launcher(descriptions, answers).run()


class Launcher:
    """`run` reads descriptions and forks, until end of file."""

    __slots__ = ("_answers", "_descriptions", "_monitors", "_wake", "_wake_w")

    def __init__(self, descriptions: Channel, answers: socket.socket) -> None:
        self._descriptions = descriptions
        self._answers = answers
        self._monitors: dict[int, int] = {}
        self._wake, self._wake_w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self) -> None:
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        # What is loaded now is shared by every monitor: keep the collector from touching those pages.
        gc.collect()
        gc.freeze()
        poll = select.poll()
        poll.register(self._descriptions.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        still_open = True
        while still_open:
            ready = {fd for fd, _ in poll.poll()}
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if self._descriptions.fileno() in ready:
                still_open, messages = self._descriptions.receive()
                for message, fds in messages:
                    self._heed(message, fds)
                    for fd in fds:
                        os.close(fd)

    def _heed(self, message: dict[str, Any], fds: list[int]) -> None:
        if "users" not in message:
            self._fork(message, fds)
            return
        try:
            users.make(message["users"])
        except (StackupError, OSError) as problem:
            known = problem if isinstance(problem, StackupError) else HostError(str(problem))
            self._answer(message["token"], fault(known))
        else:
            self._answer(message["token"], {"made": True})

    def _fork(self, message: dict[str, Any], fds: list[int]) -> None:
        token, description = message["token"], message["description"]
        try:
            pid, pidfd = calls.clone3(namespaces.monitor_flags(description))
        except StackupError as problem:
            self._answer(token, fault(problem))
            return
        if pid == 0:
            self._become_monitor(token, description, grouped(fds, message["held"]))
        os.close(pidfd)
        self._monitors[pid] = token

    def _become_monitor(self, token: int, description: Description, held: list[list[int]]) -> None:
        """The fork's whole life."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for fd in (self._wake, self._wake_w):
                os.close(fd)
            self._descriptions.close()
            self._monitors.clear()
            settle(description)
            possession = possess(description)
            if not isinstance(possession, int):
                self._answer(token, {"status": possession})
                return

            def tell(message: dict[str, Any]) -> None:
                self._answer(token, message)
                self._answers.close()

            Monitor(description, tell, self._listened, held).run()
            os.close(possession)
        except StackupError as problem:
            self._answer(token, fault(problem))
        except Exception as problem:
            _confess(description, problem)
        finally:
            os._exit(0)

    def _answer(self, token: int, message: dict[str, Any]) -> None:
        try:
            self._answers.send(json.dumps({"token": token, **message}).encode())
        except OSError:
            return  # the command is gone; the status file says the same

    def _listened(self) -> bool:
        """Whether the command is still there to hear an answer."""
        poll = select.poll()
        poll.register(self._answers.fileno(), 0)
        return not poll.poll(0)

    def _reap(self) -> None:
        while self._monitors:
            try:
                pid, _status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            token = self._monitors.pop(pid, None)
            if token is not None:
                self._answer(token, {"ended": True})


def grouped(fds: list[int], counts: list[int]) -> list[list[int]]:
    """The sockets of each port, in the order of the description's ports."""
    rest = iter(fds)
    return [[next(rest) for _ in range(count)] for count in counts]


def possess(description: Description) -> int | Status:
    """One monitor a container: the lock is its own until it ends. The status, when another has started it already.

    Who was launched by a command that was killed meanwhile is on its way out (`Monitor._answered`), in a moment.
    """
    folder, name = description["state_dir"], description["name"]
    fd = os.open(os.path.join(folder, "monitor.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + POSSESSION_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            status = record.observe_status(folder)
        if status and status["state"] == "running" and status["instance"] == description["instance"]:
            os.close(fd)
            return status
        if time.monotonic() > deadline:
            raise HostError(f'"{name}" has another monitor', subject=name, hint=f"end it: stackup stop {name}")
        time.sleep(0.002)


def settle(description: Description) -> None:
    """Leave the command's session, terminal, control groups and fate behind."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
    _rename(COMM)
    for directory in description["monitor_cgroups"]:
        _join_group(directory)
    try:
        files.put("/proc/self/oom_score_adj", str(OOM_SCORE_ADJ))
    except OSError:
        return  # lowering it takes CAP_SYS_RESOURCE, proc(5); without it the monitor has the score of anybody


def _join_group(directory: str) -> None:
    try:
        files.put(os.path.join(directory, "cgroup.procs"), "0")
    except OSError as problem:
        raise HostError(f'the monitor cannot enter "{directory}": {problem.strerror}', subject=directory) from problem


def _rename(comm: str) -> None:
    files.put("/proc/self/comm", comm)


def _confess(description: Description, problem: Exception) -> None:
    """A bug of ours, or an entry that failed: the trace goes where the container's state is, since nobody listens."""
    import traceback  # only here: it costs 5 ms and half a megabyte

    path = os.path.join(description["state_dir"], "monitor.trace")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.write(fd, "".join(traceback.format_exception(problem)).encode())
    os.close(fd)
