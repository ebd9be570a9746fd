"""Processes that the monitor makes: forked with clone3, watched by pidfd, their set-up answered on a pipe, reaped once.

Hot, and only for single-threaded programs. The child's body sets itself up and ends in exec: the report pipe closes on
exec, so end of file without a word means that the program runs, and anything else is why it does not.
"""

from __future__ import annotations

import json
import os
import signal

from stackup.errors import HostError, StackupError, shortened
from stackup.kernel import proc
from stackup.runtime import supervise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Body = Callable[[int], object]
    """Gets the report descriptor; returns never, unless something is wrong."""
    Clone = Callable[[], tuple[int, int]]
    """(pid, pidfd) in the parent, (0, -1) in the child; see `namespaces`."""

_SET_UP_EXIT = 126
_RUN = "run the program"
_PROGRAM_CODES = {127: "program-not-found", 126: "program-not-executable"}
"""Exit codes of a failed last step, POSIX 2.8.2, as codes of errors."""


class Child:
    """A process of ours: `pid` and `start` are the host's, good for a status; `report` is the set-up's answer."""

    __slots__ = ("pid", "pidfd", "report", "start")

    def __init__(self, pidfd: int, report: int) -> None:
        self.pidfd = pidfd
        self.report = report
        self.pid = proc.pid_of(pidfd)
        self.start = proc.start_time(self.pid) or 0

    def answer(self) -> dict[str, Any] | None:
        """What set-up said, to the end: None when the program was started. Closes the pipe."""
        said = b""
        try:
            while data := os.read(self.report, 1 << 16):
                said += data
        finally:
            os.close(self.report)
            self.report = -1
        if not said:
            return None
        try:
            value = json.loads(said)
        except ValueError:
            value = None
        return value if isinstance(value, dict) else {"message": said.decode(errors="replace")}

    def signal(self, number: int) -> bool:
        """False when it is gone already."""
        if self.pidfd < 0:
            return False
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return False
        return True

    def reap(self) -> int:
        """The exit code of a process whose pidfd is readable. Closes the pidfd."""
        info = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        os.close(self.pidfd)
        self.pidfd = -1
        if info is None:
            raise HostError("a container's process ended without an exit code")
        return supervise.exit_code(info.si_code, info.si_status)


def set_up_error(failure: dict[str, Any]) -> HostError:
    """The child's own report as an error: which operation, on what, why."""
    operation, message = str(failure.get("operation") or ""), str(failure.get("message") or "")
    of_program = operation == _RUN
    if of_program and failure.get("errno"):
        message = f'cannot run "{failure.get("path")}": {os.strerror(int(failure["errno"])).lower()}'
    text = message if of_program or message.startswith(operation) else f"{operation}: {message}"
    return HostError(
        shortened(text or "set-up failed"),
        subject=shortened(str(failure.get("path") or "")),
        hint=str(failure.get("hint") or ""),
        code=_PROGRAM_CODES.get(int(failure.get("exit_code") or 0), "") if of_program else "",
    )


def fork(clone: Clone, stdio: Sequence[int], body: Body) -> Child:
    """Make a child with `clone` that runs `body`; `stdio` becomes its 0, 1, 2."""
    report, report_w = os.pipe2(os.O_CLOEXEC)
    try:
        pid, pidfd = clone()
        if pid == 0:
            _be(stdio, body, report_w)
    except BaseException:
        os.close(report)
        raise
    finally:
        os.close(report_w)
    return Child(pidfd, report)


def _be(stdio: Sequence[int], body: Body, report: int) -> None:
    """The child's whole life before exec. Nothing may unwind into the monitor's code from here."""
    try:
        # A signal that reaches the child must not be told to the monitor's loop.
        signal.set_wakeup_fd(-1)
        for number, fd in enumerate(stdio):
            os.dup2(fd, number)
        body(report)
    except StackupError as problem:
        _tell(report, {"message": problem.message, "path": problem.subject, "hint": problem.hint})
    except OSError as problem:
        _tell(report, {"message": str(problem), "errno": problem.errno, "path": problem.filename or ""})
    finally:
        os._exit(_SET_UP_EXIT)


def _tell(report: int, value: dict[str, Any]) -> None:
    os.write(report, json.dumps(value).encode())
