"""What can be asked of a running monitor, one function a request; `control` is how it is asked.

Hot. Each takes the conversation and the message; what is wrong with a message is raised and answered by `control`.
"""

from __future__ import annotations

import signal

from stackup.errors import HostError, UsageError
from stackup.kernel import cgroupfs
from stackup.runtime import child, memory_mounts, supervise
from stackup.runtime.control import fault
from stackup.runtime.hooks import Hooks
from stackup.runtime.streams import Stdio
from stackup.runtime.terminal import DEFAULT_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from stackup.errors import StackupError
    from stackup.runtime.control import Conversation, Request
    from stackup.runtime.description import Process
    from stackup.runtime.guest import Inside
    from stackup.runtime.monitor import Monitor

    Message = Mapping[str, Any]


def table(monitor: Monitor) -> dict[str, Request]:
    def bound(function: Callable[[Monitor, Conversation, Message], None]) -> Request:
        return lambda who, message: function(monitor, who, message)

    functions = {"stop": stop, "kill": kill, "pause": pause, "unpause": unpause, "exec": execute, "attach": attach,
                 "update": update, "hooks": hooks, "write": write}  # fmt: skip
    return {name: bound(function) for name, function in functions.items()}


def _signal_number(name: int | str | None, default: int = 15) -> int:
    try:
        return supervise.signal_number(name, default)
    except ValueError as problem:
        raise UsageError(str(problem), subject=str(name), hint="for example TERM, SIGUSR1 or 9") from problem


def stop(monitor: Monitor, who: Conversation, message: Message) -> None:
    """After the hooks that are sent along; one that fails calls the stop off, unless the container is gone by then."""
    grace = message.get("grace")
    name = message.get("signal")
    _signal_number(name)

    def go_on(problem: StackupError | None) -> None:
        if problem is not None and not monitor.ending:
            who.answer(fault(problem))
            return
        monitor.stop_waiters.append(who.answer)
        monitor.stop(name, None if grace is None else int(grace), parked=bool(message.get("parked")))

    if message.get("hooks") and monitor.inside is not None:
        cgroupfs.thaw(monitor.description["cgroups"])
        Hooks(monitor, monitor.inside, "pre_stop", go_on).run(message["hooks"])
    else:
        go_on(None)


def hooks(monitor: Monitor, who: Conversation, message: Message) -> None:
    """Those that follow a start."""

    def answer(problem: StackupError | None) -> None:
        who.answer({"done": True} if problem is None else fault(problem))

    Hooks(monitor, _running(monitor), "post_start", answer).run(message["hooks"])


def kill(monitor: Monitor, who: Conversation, message: Message) -> None:
    """What SIGKILL was sent to is answered for when it is gone, so that whoever looks next finds it so."""
    number = _signal_number(message.get("signal"), default=signal.SIGKILL)
    monitor.signal(number)
    if number == signal.SIGKILL:
        monitor.stop_waiters.append(who.answer)
    else:
        who.answer({"done": True})


def pause(monitor: Monitor, who: Conversation, message: Message) -> None:
    name = monitor.description["name"]
    _running(monitor)
    if not cgroupfs.freeze(monitor.description["cgroups"]):
        raise HostError(f'"{name}" cannot be paused: it has no control group that freezes', subject=name)
    monitor.happened("pause")
    monitor.changed()
    who.answer({"done": True})


def unpause(monitor: Monitor, who: Conversation, message: Message) -> None:
    name = monitor.description["name"]
    if not monitor.frozen:
        raise HostError(f'"{name}" is not paused', subject=name, code="not-paused")
    cgroupfs.thaw(monitor.description["cgroups"])
    monitor.happened("unpause")
    monitor.changed()
    who.answer({"done": True})


def execute(monitor: Monitor, who: Conversation, message: Message) -> None:
    """Pipes or a terminal of the container's own; the caller gets our ends, and nothing of the caller's goes in."""
    inside = _running(monitor)
    process: Process = message["process"]
    tty = bool(message.get("tty"))
    if message.get("detach"):
        stdio = Stdio.nothing()
    elif tty:
        stdio = Stdio.terminal()
    else:
        stdio = Stdio.pipes(stdin=bool(message.get("stdin")))
    try:
        guest = inside.enter(process, stdio)
    except BaseException:
        stdio.close()
        raise
    stdio.started()
    monitor.happened(f"exec_create: {_shown(process)}", execID=guest.name)

    def ended(code: int) -> None:
        monitor.happened("exec_die", execID=guest.name, exitCode=code)
        who.answer({"exit": code})

    def answered(failure: dict[str, Any] | None) -> None:
        if failure is not None:
            stdio.close()
            who.answer({**fault(child.set_up_error(failure))})
        else:
            stdio.stdout = max(stdio.stdout, stdio.take_terminal(message.get("size") or DEFAULT_SIZE))
            who.answer({"started": True, "tty": tty}, stdio.outer())
            monitor.happened(f"exec_start: {_shown(process)}", execID=guest.name)
            guest.on_end = ended

    guest.on_answer = answered

    def pass_on(name: str | int) -> None:
        guest.signal(_signal_number(name))

    who.on_signal = pass_on


def _shown(process: Process) -> str:
    """A command line as an event tells it; it may be two megabytes long."""
    return " ".join(process["argv"])[:1024]


def _running(monitor: Monitor) -> Inside:
    """A frozen container lets nobody in: whoever joins its group freezes too."""
    name = monitor.description["name"]
    if monitor.inside is None:
        raise HostError(f'"{name}" is not running', subject=name, code="not-running")
    if monitor.frozen:
        raise HostError(f'"{name}" is paused', subject=name, hint="stackup unpause", code="paused")
    return monitor.inside


def attach(monitor: Monitor, who: Conversation, message: Message) -> None:
    """Ends of pipes: what the container writes from now on, and its standard input where that is open."""
    monitor.outputs.window = message.get("size") or monitor.outputs.window
    if monitor.status["state"] == "created":
        monitor.start()
    monitor.outputs.once_open(lambda: _attach(monitor, who, message))


def _attach(monitor: Monitor, who: Conversation, message: Message) -> None:
    stdin = monitor.outputs.take_stdin(once=bool(message.get("once"))) if message.get("stdin") else []
    fds = [*stdin, *monitor.outputs.tap()]
    monitor.end_waiters.append(who.answer)
    who.on_signal = lambda name: monitor.signal(_signal_number(name))
    who.on_close = lambda: _detached(monitor)
    monitor.happened("attach")
    who.answer({"attached": True, "tty": monitor.description["tty"], "stdin": bool(stdin)}, fds)


def _detached(monitor: Monitor) -> None:
    """Who was there when it ended has not left it."""
    if monitor.inside is not None:
        monitor.happened("detach")


def write(monitor: Monitor, who: Conversation, message: Message) -> None:
    """The status, once more: somebody found none."""
    monitor.changed()
    who.answer({"done": True})


def update(monitor: Monitor, who: Conversation, message: Message) -> None:
    """Take a new value for one thing, in place."""
    what, value = message["what"], message["value"]
    if what in ("restart", "stop", "log", "health", "memory_reason"):
        monitor.revise(what, value)
    if what == "log":
        monitor.log.keep(value)
    elif what == "health":
        monitor.ask_anew()
        monitor.changed()
    elif what == "ports":
        to = message.get("to") or monitor.description.get("ports_to", "")
        monitor.servers.serve_ports(value, to, [])
        monitor.revise(what, value)
        monitor.revise("ports_to", to)
    elif what == "rosters":
        monitor.revise(what, value)
    elif what == "resolver":
        monitor.servers.serve_names(value)
        monitor.revise(what, value)
    elif what == "tmpfs":
        _tmpfs(monitor, value)
    elif what not in ("restart", "stop", "memory_reason"):
        raise UsageError(f'a monitor cannot change "{what}" in place', subject=str(what))
    who.answer({"done": True})


def _tmpfs(monitor: Monitor, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Options by target: for the program that runs, and for those that the monitor starts after it."""
    if monitor.inside is not None:
        for target, options in wanted.items():
            memory_mounts.change(monitor.inside.init.pid, target, options)
    operations = [
        {**one, "options": wanted[one["target"]]} if one["op"] == "tmpfs" and one["target"] in wanted else one
        for one in monitor.description["operations"]
    ]
    monitor.revise("operations", operations)
