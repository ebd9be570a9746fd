"""The device controller: which nodes a container's processes may make, read and write. Hot.

Files on v1, a program on v2. Nodes elsewhere than in /dev are inert without either.
"""

from __future__ import annotations

import os

from stackup.errors import HostError, KernelError, Unsupported
from stackup.kernel import cgroupfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def allow(dirs: Sequence[str], rules: Sequence[str], *, strict: bool) -> None:
    """`strict`: the rules say more than which nodes there are, so it will not do without them."""
    if not rules:
        return
    if cgroupfs.write(dirs, "devices.deny", "a"):
        for rule in rules:
            cgroupfs.write(dirs, "devices.allow", rule)
        return
    unified = next((folder for folder in dirs if os.path.exists(os.path.join(folder, "cgroup.controllers"))), "")
    try:
        if not unified:
            raise Unsupported("this machine has no device controller", subject="devices")
        from stackup.kernel import devicefilter  # for starts on v2 only

        devicefilter.attach(unified, rules)
    except (KernelError, Unsupported) as problem:
        if strict:
            hint = "permissions of devices and device_cgroup_rules need it; leave them out, or use a kernel with it"
            raise HostError(f"no device controller: {problem.message}", subject="devices", hint=hint) from problem
