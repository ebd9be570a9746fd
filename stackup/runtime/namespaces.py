"""Which namespaces a container gets, shares or keeps from the host, and how a child is cloned into them. Hot.

Law: only single-threaded programs call `clone_child` and `clone_joined`, since they change the pid namespace of the
caller's next children, and change it back. setns(2) into a pid namespace works downwards only: a monitor that must put
its container into somebody else's pid namespace stays in the host's (see `monitor_flags`).
"""

from __future__ import annotations

import os

from stackup.kernel import calls
from stackup.kernel.abi import CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.runtime.description import Description

_FLAGS = {"pid": CLONE_NEWPID, "ipc": CLONE_NEWIPC, "uts": CLONE_NEWUTS, "net": CLONE_NEWNET}


def flags(description: Description) -> int:
    """For clone3(2): the new namespaces. The cgroup namespace is made by the child, once it is in its cgroup."""
    return CLONE_NEWNS | _new(description) & ~owned(description)


def owned(description: Description) -> int:
    """Those that the child makes itself, so that they belong to its user namespace and its root has power over them."""
    return _new(description) & ~CLONE_NEWPID if description["process"].get("users") else 0


def _new(description: Description) -> int:
    new = 0
    for name, flag in _FLAGS.items():
        if description["namespaces"][name] == "":  # type: ignore[literal-required]
            new |= flag
    return new


def monitor_flags(description: Description) -> int:
    """The monitor is PID 1 of a namespace of its own unless the container's processes must live outside it."""
    return CLONE_NEWPID if description["namespaces"]["pid"] == "" else 0


def clone_child(description: Description) -> tuple[int, int]:
    """(pid, pidfd) in the parent, (0, -1) in the child, which calls `bootstrap.become`."""
    pid = description["namespaces"]["pid"]
    if not pid.startswith("/"):
        return calls.clone3(flags(description))
    return _clone_in(os.open(pid, os.O_RDONLY), flags(description))


def clone_joined(init_pidfd: int) -> tuple[int, int]:
    """A child in the pid namespace of a running container, which calls `bootstrap.join`."""
    return _clone_in(os.dup(init_pidfd), 0)


def _clone_in(pid_fd: int, new: int) -> tuple[int, int]:
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    try:
        calls.setns(pid_fd, CLONE_NEWPID)
        try:
            pid, pidfd = calls.clone3(new)
        except BaseException:
            calls.setns(home, CLONE_NEWPID)
            raise
        if pid:
            calls.setns(home, CLONE_NEWPID)
        return pid, pidfd
    finally:
        os.close(pid_fd)
        os.close(home)
