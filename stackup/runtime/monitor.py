"""The process that looks after one container: starts it, reaps it, restarts it, and writes down how it ended.

Hot and single-threaded: forked from the launcher, PID 1 of a pid namespace of its own in which the container's nests,
so that the kernel ends the container when the monitor dies. It reads nothing but its Description, decides nothing that
the description did not, and ends when its container ended for good, leaving the final status.
"""

from __future__ import annotations

import os
import signal
import time

from stackup.errors import HostError, StackupError
from stackup.kernel import cgroupfs, proc
from stackup.runtime import bootstrap, child, chronicle, namespaces, record, requests, signs, supervise
from stackup.runtime.control import Control, fault
from stackup.runtime.guest import Inside
from stackup.runtime.health import command
from stackup.runtime.keeping import Keeping
from stackup.runtime.loop import Loop, heed_termination
from stackup.runtime.outputs import Outputs
from stackup.runtime.prober import Prober
from stackup.runtime.servers import Servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from stackup.runtime.description import Description, HealthStatus, Status

    Tell = Callable[[dict[str, Any]], None]

COMM = "stackup-monitor"
OOM_SCORE_ADJ = -900
AFTER_KILL_S = 1.0
"""How long a killed container may take to go before the stop is answered with what is stuck."""
_RESTART, _GRACE, _STUCK, _RETRY = "restart", "grace", "stuck", "write the status again"


class Monitor:
    """One container's life. `tell` is called once: the first start worked, or why not; `listened`: somebody hears."""

    def __init__(
        self, description: Description, tell: Tell, listened: Callable[[], bool], held: Sequence[Sequence[int]]
    ) -> None:
        self.description = description
        self.loop = Loop()
        self.servers = Servers(self.loop)
        self.log = Keeping(self.loop, description["state_dir"], description["log"], self.changed)
        self.inside: Inside | None = None
        self.outputs = Outputs(self.loop, self.log.writer)
        self.over = False
        self.stop_waiters: list[Callable[[dict[str, Any]], None]] = []
        self.end_waiters: list[Callable[[dict[str, Any]], None]] = []
        self._tell: Tell | None = tell
        self._listened = listened
        self._held = held
        self._child: child.Child | None = None
        self._prober: Prober | None = None
        self._sign: signs.Sign | None = None
        self._control: Control | None = None
        self._up_at = 0.0
        self._delay = 0.0
        self._attempts = 0
        self._oom_before = 0
        self._log_said = ""
        host_pid = int(os.readlink("/proc/self"))
        self.status: Status = {
            "instance": description["instance"], "state": "created", "init": None,
            "monitor": {"pid": host_pid, "start": proc.start_time(host_pid) or 0},
            "started_at": 0.0, "finished_at": 0.0, "exit_code": 0, "oom": False, "error": "", "restarts": 0,
            "stopped": False, "health": None,
        }  # fmt: skip

    def run(self) -> None:
        """From the fork to the end."""
        try:
            table = requests.table(self)
            self._control = Control(self.loop, self.description["live_dir"], table, lambda: self.status)
            heed_termination(self.loop, lambda: self.stop(None, None, parked=True))
            self.servers.serve_ports(self.description["ports"], self.description.get("ports_to", ""), self._held)
            self.servers.serve_names(self.description["resolver"])
            if self.description.get("await_attach"):
                self.changed()
                self._say({"status": self.status})
            else:
                self.start()
        except (StackupError, OSError) as problem:
            self._fail(problem if isinstance(problem, StackupError) else HostError(str(problem)))
        while not self.over:
            self.loop.turn()
            self.servers.tick()
        self._leave()

    def start(self) -> None:
        """Fork the container's init; its set-up answers through the loop."""
        description = self.description
        self._sign = self.outputs.sign = signs.sign(self.loop, description)
        stdio = self.outputs.begin(description)
        self._oom_before = cgroupfs.oom_count(self.description["cgroups"])
        try:
            born = child.fork(
                lambda: namespaces.clone_child(description),
                stdio.inner,
                lambda report: bootstrap.become(description, report_fd=report, tty_fd=stdio.console_inner),
            )
        except BaseException:
            stdio.started()
            self._tidy()
            raise
        stdio.started()
        self._child = born
        self._up_at = time.monotonic()
        self.loop.add(born.report, self._answered)
        self.loop.add(born.pidfd, self._ended)

    def _answered(self, _fd: int) -> None:
        born = self._child
        if born is None:
            return
        self.loop.drop(born.report)
        self.outputs.terminal_came()
        failure = born.answer()
        if failure is not None:
            self._fail(child.set_up_error(failure))
            return
        if self._tell is not None and not self._listened():
            # Nobody knows of it, and nobody has seen it run: the next command starts it anew.
            self.stop(signal.SIGKILL, 0)
            return
        self.status = {
            **self.status,
            "state": "running",
            "init": {"pid": born.pid, "start": born.start},
            "started_at": time.time(),
            "finished_at": 0.0,
            "exit_code": 0,
            "oom": False,
            "error": "",
            "health": None,
            "stopping": False,
        }
        self._up_at = time.monotonic()
        self.inside = Inside(self.loop, self.description, born)
        self.check_health()
        self.happened("start")
        self.changed()
        self.servers.enter_names(self.description, up=True)
        self._say({"status": self.status})

    def revise(self, what: str, value: Any) -> None:
        """Take a new value for one key of the description; who asked says what that changes."""
        self.description[what] = value  # type: ignore[literal-required]

    def check_health(self) -> None:
        """Begin, or begin anew with what the description says now."""
        if self._prober is not None:
            self._prober.close()
            self._prober = None
        self.status["health"] = None
        health = self.description["health"]
        if self.inside is not None and health is not None and command(health):
            self._prober = Prober(self.loop, health, self.inside, self._sign, self._probed)
            self.status["health"] = self._prober.status

    def ask_anew(self) -> None:
        """With another health check in the middle of a run. A sign of readiness may have been given before."""
        if self._sign is not None:
            self._sign.close()
        self._sign = self.outputs.sign = signs.sign(self.loop, self.description) if self.inside is not None else None
        if self._sign is not None:
            self._sign.give("it ran already when this was asked")
        self.check_health()

    def _probed(self, health: HealthStatus) -> None:
        before, self.status["health"] = self.status["health"], health
        if health["status"] != (before["status"] if before else "starting"):
            self.happened(f"health_status: {health['status']}")
        self.changed()

    def _ended(self, _fd: int) -> None:
        """The container's init is gone: take its last words, its exit code, and decide."""
        born = self._child
        if born is None:
            return
        if born.report >= 0:
            self._answered(born.report)
        self.loop.drop(born.pidfd)
        code = born.reap()
        self._child = None
        if self.description["namespaces"]["pid"]:
            # Without a pid namespace of its own, its children outlive the first process.
            cgroupfs.kill(self.description["cgroups"], AFTER_KILL_S)
        self._tidy()
        oom = cgroupfs.oom_count(self.description["cgroups"]) > self._oom_before
        if self.status["state"] == "failed":
            self._end()
            return
        self.servers.enter_names(self.description, up=False)
        self.status = {**self.status, "init": None, "exit_code": code, "oom": oom, "finished_at": time.time()}
        self._tell_the_end(code)
        self._run_over()
        self._decide(code)

    def happened(self, action: str, **attributes: str | int) -> None:
        if "about" in self.description:
            chronicle.note(self.description["about"], action, **attributes)

    def _tell_the_end(self, code: int) -> None:
        if self.status["oom"]:
            self.happened("oom", reason=self.description.get("memory_reason", ""))
        self.happened("die", exitCode=code, execDuration=int(time.monotonic() - self._up_at))
        if self.status.get("stopping"):
            self.happened("stop")

    def _run_over(self) -> None:
        """Whoever is attached was attached to this run."""
        answer: dict[str, Any] = {"exit": self.status["exit_code"]}
        if self.status["state"] == "failed":
            answer = fault(HostError(self.status["error"], subject=self.description["name"]))
        waiting, self.end_waiters = self.end_waiters, []
        for ended in waiting:
            ended(answer)

    def _tidy(self) -> None:
        for name in (_GRACE, _STUCK):
            self.loop.cancel(name)
        if self._prober is not None:
            self._prober.close()
            self._prober = None
        if self.inside is not None:
            self.inside.close()
            self.inside = None
        self.outputs.end()
        if self._sign is not None:
            self._sign.close()
            self._sign = self.outputs.sign = None

    def _decide(self, code: int) -> None:
        restart = self.description["restart"]
        if time.monotonic() - self._up_at >= supervise.steady_after(restart):
            self._delay, self._attempts = 0.0, 0
        delay = None
        if not self.status["stopped"]:
            delay = supervise.restart_delay(restart, exit_code=code, attempts=self._attempts, delay=self._delay)
        if delay is None:
            self.status["state"] = "exited"
            self._end()
            return
        self._delay = delay
        self.status["state"] = "restarting"
        self.loop.after(_RESTART, delay, self._again)
        self.changed()

    def _again(self) -> None:
        self._attempts += 1
        self.status["restarts"] += 1
        try:
            self.start()
        except (StackupError, OSError) as problem:
            self._fail(problem if isinstance(problem, StackupError) else HostError(str(problem)))

    def stop(self, name: str | int | None, grace: int | None, *, parked: bool = False) -> None:
        """Ask, wait, kill. A container between two runs ends at once. `parked`: it is the machine that goes down."""
        stop = self.description["stop"]
        number = supervise.signal_number(name or stop.get("signal"))
        patience = (int(stop.get("grace") or 0) if grace is None else grace) / supervise.SECOND
        self.status["parked"] = parked and (self.status.get("parked", False) or not self.status["stopped"])
        self.status["stopped"] = self.status["stopping"] = True
        if self._child is None:
            self.loop.cancel(_RESTART)
            self.status["state"] = "exited"
            self._end()
            return
        cgroupfs.thaw(self.description["cgroups"])
        if self.status["state"] != "running" or patience <= 0:
            self.kill_all()
            return
        if (
            not proc.handles_signal(self._child.pid, number)
            and number != signal.SIGKILL
            and not self.description["namespaces"]["pid"]
        ):
            name = supervise.signal_name(number)
            self.status["warning"] = (
                f"PID 1 does not handle {name}, so it will be killed after {patience:g}s; "
                "set `init: true` or another `stop_signal`"
            )
        self._child.signal(number)
        self.happened("kill", signal=number)
        self.loop.after(_GRACE, patience, self.kill_all)
        self.changed()

    @property
    def ending(self) -> bool:
        """Its processes are being taken apart; that it is over comes through the loop."""
        return self._child is None or proc.ending(self._child.pid)

    @property
    def frozen(self) -> bool:
        return cgroupfs.frozen(self.description["cgroups"])

    def kill_all(self) -> None:
        """The kernel kills a pid namespace with its PID 1; the control group is for what has none of its own."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
            self.happened("kill", signal=int(signal.SIGKILL))
        if self.description["namespaces"]["pid"]:
            cgroupfs.kill(self.description["cgroups"], AFTER_KILL_S)
        # A frozen task dies only when it is thawed (cgroup v1, freezer-subsystem).
        cgroupfs.thaw(self.description["cgroups"])
        self.loop.after(_STUCK, AFTER_KILL_S, self._stuck)

    def _stuck(self) -> None:
        pid = self._child.pid if self._child is not None else 0
        problem = HostError(
            f"process {pid} was killed and is still there, in uninterruptible sleep",
            subject=self.description["name"],
            hint="it waits for a device or a network file system; it goes when that answers",
        )
        self.status["warning"] = problem.message
        self.changed()
        waiting, self.stop_waiters = self.stop_waiters, []
        for answer in waiting:
            answer(fault(problem))

    def signal(self, number: int) -> None:
        """Docker's rule: the stop signal or SIGKILL by hand ends the restarts too."""
        if self._child is None:
            raise HostError(f'"{self.description["name"]}" is not running', code="not-running")
        if number in (signal.SIGKILL, supervise.signal_number(self.description["stop"].get("signal"))):
            self.status["stopped"] = True
        if number == signal.SIGKILL:
            self.kill_all()
        else:
            self._child.signal(number)
            self.happened("kill", signal=number)

    def _fail(self, problem: StackupError) -> None:
        """Set-up went wrong. The status keeps why; what is left of the child ends on its own."""
        self.status = {
            **self.status,
            "state": "failed",
            "error": problem.message,
            "init": None,
            "exit_code": 127,
            "finished_at": time.time(),
        }
        self.happened("die", exitCode=self.status["exit_code"])
        self.changed()
        self._say(fault(problem))
        if self._child is None:
            self._end()

    def _end(self) -> None:
        self.over = True

    def _say(self, message: dict[str, Any]) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(message)

    def changed(self) -> None:
        """The file first, then whoever watches. A full disk must not end a container: it is tried again."""
        before, self._log_said = self._log_said, self.log.problem
        if self._log_said:
            self.status["warning"] = self._log_said
        elif before and self.status.get("warning") == before:
            del self.status["warning"]
        try:
            record.write_status(self.description["state_dir"], self.status)
        except StackupError:
            self.loop.after(_RETRY, 1.0, self.changed)
        if self._control is not None:
            self._control.push()

    def _leave(self) -> None:
        """The last status, told to everybody; then wait for those who still read, and sync what was written."""
        self.servers.close()
        self.changed()
        if self._control is not None:
            self._control.hush()
        for answer in self.stop_waiters:
            answer({"exit": self.status["exit_code"]})
        self._run_over()
        deadline = time.monotonic() + 1.0
        while self._unsaid(deadline) or self.log.behind(deadline):
            self.loop.turn(1.0)
        self.log.close()
        record.sync_status(self.description["state_dir"])

    def _unsaid(self, deadline: float) -> bool:
        talking = self._control.conversations if self._control is not None else set()
        answers = any(who.unsaid for who in talking) and time.monotonic() < deadline
        # Output that an attached command has not taken yet is not thrown away while that command lives.
        return answers or self.outputs.busy
