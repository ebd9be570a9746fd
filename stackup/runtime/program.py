"""From the finished root to the container's own program: identity, privileges, directory, exec. Child side, hot.

Law: nothing of the host's reaches the program. Its directory is opened beneath the root and must be reachable from it
(a descriptor of ours as working directory was a way out in other runtimes); no descriptor but 0, 1 and 2 survives;
neither the program nor an interpreter in its first line may be a magic link of procfs, through which it would be the
host's own interpreter that runs and could be overwritten.
"""

from __future__ import annotations

import errno
import os
import signal

from stackup.errors import HostError, KernelError
from stackup.kernel import calls
from stackup.kernel.abi import PR_SET_PDEATHSIG, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS
from stackup.runtime.identity import identify
from stackup.runtime.places import make_beneath
from stackup.runtime.trail import NOT_EXECUTABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from stackup.runtime.confinement import Confinement
    from stackup.runtime.description import Process
    from stackup.runtime.trail import Trail

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_FOUND = 127
_DATABASE_LIMIT = 8 << 20
_SCRIPTS = 5  # execve(2): a script may name a script as its interpreter, four times over


def settle(
    process: Process, confinement: Confinement, trail: Trail, *, die_with_parent: int | None = None
) -> dict[str, str]:
    """Take on the process's identity and privileges inside the current root; the environment for exec comes back.

    `die_with_parent` is the parent's pid as seen from here, when its end must be this process's.
    """
    trail.at("look up the user", process["user"])
    identity = identify(process["user"], process["groups"], _database("/etc/passwd"), _database("/etc/group"))
    trail.at("enter the working directory", process["cwd"])
    _enter(process["cwd"] or "/")
    trail.at("drop privileges", process["user"])
    confinement.drop(identity)
    if die_with_parent is not None:  # prctl(2): a change of credentials clears it, so it comes last
        calls.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != die_with_parent:
            raise HostError("the monitor of the container has gone")
    os.umask(0o022)
    return {"HOME": identity.home, **process["env"]}


def _database(path: str) -> str:
    """A user database of the container's; a device, a pipe or a monster there must not hold us up."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        found = os.fstat(fd)
        if found.st_mode & 0o170000 != 0o100000:
            raise HostError(f'"{path}" in the container is not a file', subject=path)
        if found.st_size > _DATABASE_LIMIT:
            raise HostError(f'"{path}" in the container is too large', subject=path)
        with os.fdopen(os.dup(fd), "rb", buffering=0) as file:
            return (file.read(_DATABASE_LIMIT) or b"").decode(errors="replace")
    finally:
        os.close(fd)


def _enter(cwd: str) -> None:
    if not cwd.startswith("/"):
        raise HostError(f'the working directory "{cwd}" is not an absolute path', subject=cwd)
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    folder = make_beneath(root, cwd, os.O_DIRECTORY)
    os.fchdir(folder)
    os.close(folder)
    os.close(root)
    if not os.getcwd().startswith("/"):  # getcwd(3): "(unreachable)" when it is outside the root
        raise HostError(f'the working directory "{cwd}" lies outside the container', subject=cwd)


def reset_signals() -> None:
    _default_actions()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _default_actions() -> None:
    """Python ignores SIGPIPE and SIGXFSZ, and an ignored signal stays ignored over execve(2)."""
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):  # 32 and 33 are the C library's own
            signal.signal(number, signal.SIG_DFL)


def keep_only(*kept: int) -> None:
    """Close everything but 0 to 2 and these."""
    first = 3
    for fd in sorted(fd for fd in kept if fd >= 3):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, 1 << 30)


def run(argv: list[str], env: dict[str, str], confinement: Confinement, report_fd: int, trail: Trail) -> NoReturn:
    """Replace this process by the program; only descriptors 0 to 2 and the close-on-exec report survive until then."""
    keep_only(report_fd)
    trail.at("run the program", argv[0] if argv else "")
    trail.exit_code = NOT_FOUND
    program = find(argv, env)
    trail.path = program
    trail.exit_code = NOT_EXECUTABLE
    refuse_magic(program)
    reset_signals()
    confinement.seal()
    os.execve(program, argv, env)


def find(argv: list[str], env: dict[str, str]) -> str:
    """Where the program is. 127: it is nowhere; 126: it is there and may not be run. POSIX, 2.8.2."""
    if not argv or not argv[0]:
        raise HostError("no program to run", hint="give the service a command")
    name = argv[0]
    if "/" in name:
        if not os.path.lexists(name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return name
    denied = ""
    for folder in env.get("PATH", DEFAULT_PATH).split(":"):
        path = os.path.join(folder or ".", name)
        if os.path.isdir(path) or not os.path.exists(path):
            continue
        if os.access(path, os.X_OK):
            return path
        denied = denied or path
    if denied:
        return denied  # execve says EACCES, and the exit code is 126
    hint = "look at `command:` and `entrypoint:` of the service, or bring the program into its image"
    raise HostError(f'"{name}" is not on the container\'s path', subject=name, hint=hint)


def refuse_magic(program: str) -> None:
    """Raises KernelError ELOOP where the program, or what its first line names, is reached by a magic link."""
    top = os.open("/", os.O_PATH | os.O_DIRECTORY)
    here = os.open(".", os.O_PATH | os.O_DIRECTORY)
    path = program
    for _ in range(_SCRIPTS):
        start = top if path.startswith("/") else here
        # A relative path may climb out of the working directory, which RESOLVE_IN_ROOT would forbid
        resolve = RESOLVE_NO_MAGICLINKS | (RESOLVE_IN_ROOT if start == top else 0)
        try:
            fd = calls.openat2(start, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY, resolve)
        except KernelError as problem:
            if problem.errno == errno.ELOOP:
                raise
            break  # absent or unreadable: execve has the last word
        first = os.pread(fd, 256, 0) if os.fstat(fd).st_mode & 0o170000 == 0o100000 else b""
        os.close(fd)
        words = first.partition(b"\n")[0][2:].split()
        if not first.startswith(b"#!") or not words:
            break
        path = os.fsdecode(words[0])
    os.close(top)
    os.close(here)


def reap(start: Callable[[], NoReturn], confinement: Confinement) -> NoReturn:
    """`init: true`: PID 1 for a program that is not made for it: forwards signals, reaps, passes the exit code on.

    Signals are blocked and waited for, so there is no handler and no race; a copy of this small interpreter is all it
    costs. It stays undumpable: /proc/1/exe is the host's interpreter, and nobody inside may open it.
    """
    everything = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}
    signal.pthread_sigmask(signal.SIG_SETMASK, everything)
    _default_actions()
    child = os.fork()
    if child == 0:
        _foreground()
        start()
    confinement.stay()
    os.closerange(3, 1 << 30)
    for fd in (0, 1, 2):
        os.close(fd)
    while True:
        caught = signal.sigwait(everything)
        if caught != signal.SIGCHLD:
            _forward(child, caught)
            continue
        code = _collect(child)
        if code >= 0:
            os._exit(code)


def _foreground() -> None:
    """The program leads a process group of its own, so that the terminal's signals reach it and not its parent."""
    os.setpgid(0, 0)
    try:
        os.tcsetpgrp(0, os.getpid())
    except OSError:
        pass  # standard input is no terminal of ours


def _forward(child: int, number: int) -> None:
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass


def _collect(child: int) -> int:
    """Reap everything that has ended; the program's exit code once it is among them, else -1."""
    code = -1
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            code = 128 - code if code < 0 else code
