"""Taking a process's powers away, in the one order that works. Child side, hot.

Law: the filter of system calls is loaded with nothing but execve(2) to follow, so no profile can stop our own steps.
Without no_new_privs loading takes CAP_SYS_ADMIN, seccomp(2); it is kept permitted until then, never effective before,
and ends with the exec: for root the bounding set decides what comes after, for anybody else nothing does. Inheritable
and ambient sets are empty throughout.
"""

from __future__ import annotations

import os
import resource

from stackup.errors import HostError, KernelError
from stackup.kernel import calls, capabilities, userns
from stackup.kernel.abi import (
    CLONE_NEWNS,
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    PR_CAPBSET_READ,
    PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS,
    PR_SET_NO_NEW_PRIVS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.runtime.description import Process
    from stackup.runtime.identity import Identity
    from stackup.runtime.trail import Trail

_ADMIN = 1 << capabilities.NUMBERS["SYS_ADMIN"]
_LONGEST = 4096 * 8


class Confinement:
    """Made while the host's files can be reached, since that is where the filter is."""

    __slots__ = ("_code", "_final", "_kept", "_limits", "_no_new_privs", "users_fd")

    def __init__(self, process: Process) -> None:
        users = process.get("users", "")
        self.users_fd = os.open(users, os.O_RDONLY | os.O_CLOEXEC) if users else -1
        self._limits = process["rlimits"]
        self._kept = capabilities.mask(process["capabilities"])
        self._no_new_privs = process["no_new_privs"]
        self._code = _filter(process.get("seccomp", ""))
        self._final = 0

    def enter(self, trail: Trail, *, own_mounts: bool = False) -> None:
        """Limits while we may still raise them, then the user namespace: from here on we have powers in it and nowhere
        else. Its copy of the mounts (`own_mounts`) is one in which nothing can be taken off, mount_namespaces(7).
        """
        trail.at("set the limits")
        for name, (soft, hard) in self._limits.items():
            trail.path = name
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (soft, hard))
        if self.users_fd < 0:
            return
        trail.at("enter the user namespace")
        userns.enter(self.users_fd)
        if own_mounts:
            calls.unshare(CLONE_NEWNS)
        calls.prctl(PR_SET_DUMPABLE, 0)  # as below

    def drop(self, identity: Identity) -> None:
        """Everything but the filter."""
        _bound(self._kept)
        calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
        os.setgroups(identity.groups)
        os.setresgid(identity.gid, identity.gid, identity.gid)
        calls.prctl(PR_SET_KEEPCAPS, 1)
        os.setresuid(identity.uid, identity.uid, identity.uid)
        calls.prctl(PR_SET_DUMPABLE, 0)  # a change of user sets it to what the sysctl fs.suid_dumpable says
        permitted = calls.capget()[1]
        self._final = permitted & self._kept if identity.uid == 0 else 0
        calls.capset(self._final, self._final | (permitted & _ADMIN if self._loads_as_admin else 0), 0)
        calls.prctl(PR_SET_KEEPCAPS, 0)
        if self._no_new_privs:
            calls.prctl(PR_SET_NO_NEW_PRIVS, 1)

    @property
    def _loads_as_admin(self) -> bool:
        return bool(self._code) and not self._no_new_privs

    def stay(self) -> None:
        """For a process of ours that executes nothing: what was kept for the filter goes."""
        calls.capset(self._final, self._final, 0)

    def seal(self) -> None:
        """Load the filter; execve(2) is next."""
        if self._loads_as_admin:
            calls.capset(self._final | _ADMIN, self._final | _ADMIN, 0)
        if self._code:
            calls.load_filter(self._code)


def _filter(path: str) -> bytes:
    if not path:
        return b""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as problem:
        hint = "start the container anew, which writes it again"
        raise HostError(f"the filter of system calls is gone: {problem.strerror}", subject=path, hint=hint) from problem
    try:
        return os.read(fd, _LONGEST)
    finally:
        os.close(fd)


def _bound(kept: int) -> None:
    for number in range(64):
        try:
            held = calls.prctl(PR_CAPBSET_READ, number)
        except KernelError:
            break  # EINVAL: past the kernel's last capability
        if held and not kept >> number & 1:
            calls.prctl(PR_CAPBSET_DROP, number)
