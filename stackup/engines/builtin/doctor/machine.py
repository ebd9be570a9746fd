"""The kernel and what it lets us do: privileges, system calls, namespaces, what confines programs, the clock."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator

import stackup
from stackup.engines.builtin.doctor.words import less, none, ok, read
from stackup.engines.engine import Finding
from stackup.errors import KernelError, StackupError
from stackup.kernel import abi, calls, capabilities
from stackup.layout import Layout
from stackup.runtime import idranges
from stackup.runtime.seccomp.filters import compiled

NEEDED = (
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE",
)  # fmt: skip
NAMESPACES = {
    "mount": abi.CLONE_NEWNS, "pid": abi.CLONE_NEWPID, "net": abi.CLONE_NEWNET, "uts": abi.CLONE_NEWUTS,
    "ipc": abi.CLONE_NEWIPC, "cgroup": abi.CLONE_NEWCGROUP,
}  # fmt: skip
"""By the name that `user.max_*_namespaces` has."""


def privileges(_: Layout) -> Iterator[Finding]:
    effective = calls.capget()[0]
    absent = capabilities.names(capabilities.mask(NEEDED) & ~effective)
    if os.geteuid() != 0:
        yield none("root", "not root", "run stackup as root: sudo stackup")
    elif absent:
        hint = "give them to this container or service, or run stackup on the machine itself"
        yield none("root", f"root without {', '.join(absent)}", hint)
    elif not effective >> capabilities.NUMBERS["SYS_RESOURCE"] & 1:
        hint = "start stackup from a process that has it to raise hard limits with `ulimits`"
        yield less("root", "root without SYS_RESOURCE", hint)
    else:
        yield ok("root", "root with all that is needed")


def kernel(_: Layout) -> Iterator[Finding]:
    """mount_setattr(2) is the youngest call that nothing replaces. A filter around us may refuse what is there."""
    release = os.uname().release
    refused = [name for name, call in _CALLS.items() if _refuses(call)]
    if _version() < (5, 12):
        yield none(
            "kernel", f"Linux {release} lacks {', '.join(refused) or 'mount_setattr'}", "use Linux 5.12 or newer"
        )
    elif refused:
        hint = "a filter of system calls is around this process: run stackup outside, or with seccomp=unconfined"
        yield none("kernel", f"Linux {release}, but no {', '.join(refused)}", hint)
    else:
        yield ok("kernel", f"Linux {release}")


def _mount_attributes() -> None:
    """With nothing to set it answers whether it is there."""
    fd = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        calls.mount_setattr(fd, "", abi.AT_EMPTY_PATH, abi.MountAttr())
    finally:
        os.close(fd)


_CALLS = {
    "openat2": lambda: os.close(calls.openat2(-100, "/", os.O_PATH | os.O_CLOEXEC, 0)),
    "pidfd_open": lambda: os.close(os.pidfd_open(os.getpid())),
    "fsopen": lambda: os.close(calls.fsopen("tmpfs", abi.FSOPEN_CLOEXEC)),
    "open_tree": lambda: os.close(calls.open_tree(-100, "/", abi.OPEN_TREE_CLOEXEC)),
    "mount_setattr": _mount_attributes,
    "clone3": lambda: _clone(0),
}


def _refuses(call: Callable[[], None]) -> bool:
    try:
        call()
    except (KernelError, OSError):
        return True
    return False


def _clone(flags: int) -> None:
    """A child with new namespaces, which ends at once. Raises KernelError."""
    pid, pidfd = calls.clone3(flags)
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    os.close(pidfd)


def namespaces(_: Layout) -> Iterator[Finding]:
    for name, flag in NAMESPACES.items():
        try:
            _clone(flag)
        except KernelError as problem:
            yield none("namespaces", f"no {name} namespaces: {_reason(problem)}", _allowing(name, problem))
            return
    yield ok("namespaces", ", ".join(NAMESPACES))


def user_namespaces(_: Layout) -> Iterator[Finding]:
    try:
        _clone(abi.CLONE_NEWUSER)
    except KernelError as problem:
        text = f"none, so no bind mounts with another owner (`x-stackup: {{uid: ...}}`): {_reason(problem)}"
        yield less("user namespaces", text, _allowing("user", problem))
    else:
        yield ok("user namespaces", "bind mounts may show another owner")
        yield from _own_users()


def _own_users() -> Iterator[Finding]:
    """What `userns_mode: auto` takes besides: idmapped layers, and ids to give away."""
    if _version() < (5, 19):
        detail = f"Linux {os.uname().release} has no idmapped layers: no `userns_mode: auto`"
        yield less("users of their own", detail, "use Linux 5.19 or newer")
        return
    try:
        pool = idranges.pool(read("/etc/subuid"), read("/etc/subgid"))
    except StackupError as problem:
        yield less("users of their own", problem.message, problem.hint)
    else:
        yield ok("users of their own", f"ids for `userns_mode: auto` are {pool.where}")


def _version() -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in os.uname().release.split(".")[:2])


def _reason(problem: KernelError) -> str:
    return os.strerror(problem.errno).lower()


def _allowing(name: str, problem: KernelError) -> str:
    setting = f"user.max_{name.replace('mount', 'mnt')}_namespaces"
    if problem.errno == errno.ENOSPC:
        return f"allow more: sysctl {setting}=10000"
    if problem.errno == errno.EINVAL:
        return "use a kernel that is built with them"
    return "run stackup as root, outside of whatever forbids it"


def seccomp(_: Layout) -> Iterator[Finding]:
    unconfined = "write `security_opt: [seccomp=unconfined]`, or use a kernel with seccomp filters"
    if "\nSeccomp:" not in read("/proc/self/status"):
        yield none("seccomp", "the kernel has no filters of system calls: containers do not start", unconfined)
        return
    try:
        compiled("", ())
    except StackupError as problem:
        yield none("seccomp", f"{problem.message}: containers do not start", problem.hint)
    else:
        yield ok("seccomp", "system calls are filtered")


def security_modules(_: Layout) -> Iterator[Finding]:
    if read("/sys/module/apparmor/parameters/enabled") == "Y":
        yield ok("apparmor", "profiles are applied: security_opt: [apparmor=NAME]")
    else:
        hint = "boot a kernel that has it with apparmor=1 security=apparmor"
        yield less("apparmor", "not on, so `apparmor=` is named and does nothing", hint)
    if read("/sys/fs/selinux/enforce") == "1":
        hint = "give containers what its policy lets unlabelled processes do, or: setenforce 0"
        yield less("selinux", "enforcing, and `label=` does nothing: containers run under the caller's label", hint)


def clock(_: Layout) -> Iterator[Finding]:
    """Certificates are not valid yet on a machine that woke up in 1970."""
    installed, now = os.stat(stackup.__file__).st_mtime, time.time()
    today = time.strftime("%Y-%m-%d", time.gmtime(now))
    if now + 86400 < installed:
        text = f"it is {today}, before stackup was installed: registries' certificates are not valid yet"
        yield less("clock", text, "set it: timedatectl set-ntp true")
    else:
        yield ok("clock", f"it is {today}")


LOOKS = (privileges, kernel, namespaces, user_namespaces, seccomp, security_modules, clock)
