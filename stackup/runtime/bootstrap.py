"""A container's set-up in the freshly cloned child: join, mount, pivot, drop privileges, exec. `join` is exec's side.

Law: single-threaded and without a way back: every function that other modules call ends in exec or in _exit. A failure
is one JSON object {operation, errno, path, message, hint} on the report descriptor, which is close-on-exec: end of
file without bytes means that the program runs. End of file on the hand-shake means abort, never go. Hot: everything is
imported before the root changes, and nothing dear is.

The caller has put the program's streams on 0 to 2 (with a tty they are replaced) and has cloned with
`namespaces.flags`; a tty's master is sent over `tty_fd`, a Unix socket, by SCM_RIGHTS.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import termios

from stackup.errors import HostError, KernelError, StackupError
from stackup.kernel import calls, userns
from stackup.kernel.abi import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUTS,
    PR_SET_DUMPABLE,
    RESOLVE_NO_MAGICLINKS,
)
from stackup.runtime import consoles, program
from stackup.runtime.confinement import Confinement
from stackup.runtime.mounting import State, describe, perform
from stackup.runtime.namespaces import owned
from stackup.runtime.trail import Trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from stackup.runtime.description import Description, Process

__all__ = ["become", "join", "perform"]

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def become(
    description: Description, *, report_fd: int, tty_fd: int | None = None, go_fd: int | None = None
) -> NoReturn:
    """Turn this child into the container. With `go_fd`, one byte on it is awaited when everything stands."""
    trail = Trail()
    try:
        os.set_inheritable(report_fd, False)
        _become(description, trail, (report_fd, tty_fd, go_fd))
    except BaseException as problem:  # nothing may unwind into the monitor's code, of which this child is a copy
        _fail(report_fd, trail, problem)


def join(
    process: Process, *, init_pidfd: int, cgroups: list[str], report_fd: int, tty_fd: int | None = None
) -> NoReturn:
    """Turn this child into a process of a running container; the caller cloned it into the pid namespace already."""
    trail = Trail()
    try:
        os.set_inheritable(report_fd, False)
        confinement = Confinement(process)
        _join(process, init_pidfd, cgroups, trail)
        confinement.enter(trail)
        trail.at("open the session")
        _session(tty_fd, _joined_pty() if _is_socket(tty_fd) else State())
        program.keep_only(report_fd)
        env = program.settle(process, confinement, trail)
        program.run(process["argv"], env, confinement, report_fd, trail)
    except BaseException as problem:  # as above
        _fail(report_fd, trail, problem)


def _become(description: Description, trail: Trail, descriptors: tuple[int, int | None, int | None]) -> NoReturn:
    report_fd, tty_fd, go_fd = descriptors
    process, state, parent = description["process"], State(), os.getppid()
    confinement = Confinement(process)
    calls.prctl(PR_SET_DUMPABLE, 0)  # until exec, /proc/PID/exe and /proc/PID/environ here are the host's
    os.umask(0)
    _enter_cgroups(description["cgroups"], trail)
    _enter_namespaces(description, confinement, trail)
    _set_up(description, state, trail)
    confinement.enter(trail, own_mounts=True)
    trail.at("open the session")
    if confinement.users_fd >= 0 and state.tty_fd >= 0:
        state.tty_fd = consoles.in_these_mounts(state.tty_fd)
    _session(tty_fd, state)
    program.keep_only(report_fd, *(() if go_fd is None else (go_fd,)))  # copies of the other end would hide its end
    outside = description["namespaces"]["pid"] != ""
    env = program.settle(process, confinement, trail, die_with_parent=parent if outside else None)
    trail.at("wait for the go-ahead")
    if go_fd is not None and os.read(go_fd, 1) == b"":
        raise HostError("the command that started the container has gone")
    if description["init"] and not outside:

        def start() -> NoReturn:
            _start(process["argv"], env, confinement, report_fd, trail)

        program.reap(start, confinement)
    program.run(process["argv"], env, confinement, report_fd, trail)


def _start(argv: list[str], env: dict[str, str], confinement: Confinement, report_fd: int, trail: Trail) -> NoReturn:
    try:
        program.run(argv, env, confinement, report_fd, trail)
    except BaseException as problem:  # the child of our own PID 1: it too must not unwind
        _fail(report_fd, trail, problem)


def _enter_cgroups(cgroups: list[str], trail: Trail) -> None:
    for folder in cgroups:
        trail.at("enter the cgroup", folder)
        with open(f"{folder}/cgroup.procs", "wb", buffering=0) as file:
            file.write(b"0")


def _enter_namespaces(description: Description, confinement: Confinement, trail: Trail) -> None:
    """The pid namespace is the cloner's business; the cgroup namespace is rooted where its maker is."""
    namespaces = description["namespaces"]
    if new := owned(description):
        trail.at("make namespaces that belong to the container's users")
        userns.adopt(confinement.users_fd, new)
    for path, flag in (
        (namespaces["net"], CLONE_NEWNET), (namespaces["ipc"], CLONE_NEWIPC), (namespaces["uts"], CLONE_NEWUTS),
    ):  # fmt: skip
        if path.startswith("/"):
            trail.at("join the namespace", path)
            fd = os.open(path, os.O_RDONLY)
            calls.setns(fd, flag)
            os.close(fd)
    if namespaces["cgroup"] == "":
        trail.at("make the cgroup namespace")
        calls.unshare(CLONE_NEWCGROUP)
    if namespaces["net"] == "":
        trail.at("bring up the loopback link")
        _loopback()


def _loopback() -> None:
    """netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        request = fcntl.ioctl(link, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags: int = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(link, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _set_up(description: Description, state: State, trail: Trail) -> None:
    for operation in description["operations"]:
        trail.at(describe(operation), operation.get("source") or operation.get("target", ""))
        if operation["op"] == "pivot":
            _oom_score(description["process"]["oom_score_adj"], state)
            trail.at("take on the AppArmor profile")
            _profile(description["process"].get("apparmor", ""), state)
            trail.at(describe(operation), operation["target"])
        perform(operation, state)


def _oom_score(score: int, state: State) -> None:
    """Through our own procfs where there is one; the child must not keep its monitor's protection."""
    _tell_proc("oom_score_adj", str(score), state)


def _profile(apparmor: str, state: State) -> None:
    """apparmor(7): taken on with the next exec. Its own folder is there when the kernel has several such modules."""
    if not apparmor:
        return
    try:
        _tell_proc("attr/apparmor/exec", f"exec {apparmor}", state)
    except (OSError, KernelError) as problem:
        hint = "load it on the host: apparmor_parser --replace FILE"
        raise HostError(f'the AppArmor profile "{apparmor}" is not loaded', subject=apparmor, hint=hint) from problem


def _tell_proc(name: str, text: str, state: State) -> None:
    """Through our own procfs where there is one: nobody can have mounted over that."""
    top = state.proc_fd if state.proc_fd >= 0 else os.open("/proc", os.O_PATH)
    own = "self" if state.proc_fd < 0 else str(os.getpid())
    fd = calls.openat2(top, f"{own}/{name}", os.O_WRONLY, RESOLVE_NO_MAGICLINKS)
    os.write(fd, text.encode())
    os.close(fd)


def _session(tty_fd: int | None, state: State) -> None:
    os.setsid()
    if tty_fd is None:
        return
    inner = state.tty_fd if state.tty_fd >= 0 else tty_fd
    if state.master_fd >= 0:
        with socket.socket(fileno=os.dup(tty_fd)) as outside:
            socket.send_fds(outside, [b"t"], [state.master_fd])
        os.close(state.master_fd)
    fcntl.ioctl(inner, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(inner, number)


def _is_socket(fd: int | None) -> bool:
    return fd is not None and os.fstat(fd).st_mode & 0o170000 == 0o140000


def _join(process: Process, init_pidfd: int, cgroups: list[str], trail: Trail) -> None:
    calls.prctl(PR_SET_DUMPABLE, 0)
    _enter_cgroups(cgroups, trail)
    trail.at("set the score of the out-of-memory killer")
    _oom_score(process["oom_score_adj"], State())
    _profile(process.get("apparmor", ""), State())
    trail.at("join the container's namespaces")
    calls.setns(init_pidfd, CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)


def _joined_pty() -> State:
    state = State()
    state.master_fd = consoles.new_master()
    state.tty_fd = consoles.inner_end(state.master_fd)
    return state


def _fail(report_fd: int, trail: Trail, problem: BaseException) -> NoReturn:
    try:
        rest = json.dumps(_report(trail, problem)).encode()
        while rest:
            rest = rest[os.write(report_fd, rest) :]
    finally:
        os._exit(trail.exit_code)


def _report(trail: Trail, problem: BaseException) -> dict[str, object]:
    message, hint = str(problem), ""
    if isinstance(problem, StackupError):
        message, hint = problem.message, problem.hint
    elif isinstance(problem, OSError) and problem.strerror:
        about = f' on "{problem.filename}"' if problem.filename else ""
        message = f"{problem.strerror.lower()}{about}"
    errno = problem.errno if isinstance(problem, OSError | KernelError) else None
    path = trail.path or (problem.subject if isinstance(problem, StackupError) else "")
    return {"operation": trail.operation, "errno": errno or 0, "path": path, "message": message, "hint": hint,
            "exit_code": trail.exit_code}  # fmt: skip
