"""What limits containers and what limits us: control groups, descriptors, watches, devices."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from stackup.engines.builtin.doctor.words import less, none, number, ok, read
from stackup.engines.engine import Finding
from stackup.errors import KernelError
from stackup.kernel import devicefilter, proc
from stackup.layout import Layout

LOST = {
    "cpu": "`cpus` and `cpu_shares`",
    "cpuset": "`cpuset`",
    "memory": "`mem_limit`, and no word of who ran out of memory",
    "pids": "`pids_limit`",
    "io": "`blkio_config`, and no bytes of disks in `stats`",
}
"""By controller, what is not held without it."""
OLD = {"io": "blkio"}
"""What version 1 calls otherwise."""
UNIFIED = "/sys/fs/cgroup"
DESCRIPTORS, WATCHES, INSTANCES = 1024, 8192, 128
DEVICES = {"/dev/fuse": "fuse", "/dev/net/tun": "tun"}
"""Nodes that stacks ask for, and the modules that make them."""


def control_groups(_: Layout) -> Iterator[Finding]:
    mounts = [mount for mount in proc.mounts() if mount.fstype in ("cgroup", "cgroup2")]
    if not mounts:
        yield none("cgroups", "no control groups are mounted", "mount cgroup2 at /sys/fs/cgroup")
        return
    unified = [mount.place for mount in mounts if mount.fstype == "cgroup2"]
    old = {option for mount in mounts if mount.fstype == "cgroup" for option in mount.super_options}
    given = set(read(f"{unified[0]}/cgroup.controllers").split()) if unified else set()
    version, have = (2, given) if given & {"memory", "pids"} or not old else (1, old)
    closed = [mount.place for mount in mounts if not os.access(mount.place, os.W_OK)]
    if closed:
        hint = "mount it writable, or delegate a group to this container or service (systemd: Delegate=yes)"
        yield none(
            "cgroups", f'version {version}, and nobody may write to "{closed[0]}": containers do not start', hint
        )
        return
    names = [(lost, OLD.get(lost, lost) if version == 1 else lost) for lost in LOST]
    absent = [(lost, name) for lost, name in names if name not in have]
    for lost, name in absent:
        yield less("cgroups", f"version {version} without {name}: no {LOST[lost]}", _controller(name, version))
    if not absent:
        yield ok("cgroups", f"version {version}")


def _controller(name: str, version: int) -> str:
    if name == "memory":
        return "boot with cgroup_enable=memory, or have whoever runs this machine delegate it"
    if version == 2:
        return f"have whoever runs this machine delegate it: echo +{name} > cgroup.subtree_control of the group above"
    return f"mount it: mount -t cgroup -o {name} cgroup {UNIFIED}/{name}"


def swap(_: Layout) -> Iterator[Finding]:
    """Version 1 counts swap when it is told so at boot."""
    for mount in proc.mounts():
        if mount.fstype == "cgroup" and "memory" in mount.super_options:
            if os.path.exists(f"{mount.place}/memory.memsw.limit_in_bytes"):
                yield ok("swap", "counted: `memswap_limit` holds")
            else:
                yield less("swap", "not counted, so `memswap_limit` does not hold", "boot with swapaccount=1")


def device_controller(_: Layout) -> Iterator[Finding]:
    """Files of version 1, a program of version 2."""
    if any(mount.fstype == "cgroup" and "devices" in mount.super_options for mount in proc.mounts()):
        yield ok("devices", "permissions are held by version 1")
        return
    try:
        os.close(devicefilter.load(()))
    except KernelError as problem:
        text = f"permissions of `devices` and device_cgroup_rules do not hold: {problem.message}"
        yield less("devices", text, "use a kernel with CONFIG_CGROUP_BPF, and run stackup with SYS_ADMIN or BPF")
    else:
        yield ok("devices", "permissions are held by a program of version 2")


def nodes(_: Layout) -> Iterator[Finding]:
    for path, module in DEVICES.items():
        if os.path.exists(path):
            yield ok(path, "there for containers that ask for it with `devices`")
        else:
            yield less(path, "not here, so containers cannot be given it", f"load it: modprobe {module}")


def pressure(_: Layout) -> Iterator[Finding]:
    if read("/proc/pressure/memory"):
        yield ok("pressure", "the kernel tells how long containers wait for processors, memory and disks")
    else:
        yield less(
            "pressure", "the kernel does not tell who waits for what", "boot with psi=1, on a kernel with CONFIG_PSI"
        )


def descriptors(_: Layout) -> Iterator[Finding]:
    """The soft limit is what a command starts with."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft < DESCRIPTORS:
        text = f"{soft} open files a process: large stacks and images with many layers fail"
        yield less("open files", text, f"ulimit -n {DESCRIPTORS}, or LimitNOFILE= of the service")
    else:
        yield ok("open files", f"{soft} a process")


def watches(_: Layout) -> Iterator[Finding]:
    for name, enough in (("max_user_watches", WATCHES), ("max_user_instances", INSTANCES)):
        have = number(f"/proc/sys/fs/inotify/{name}")
        if have is None:
            yield less("inotify", "not in this kernel: no `watch`", "use a kernel with CONFIG_INOTIFY_USER")
            return
        if have < enough:
            text = f"{name} is {have}: `watch` fails in large folders and beside other programs"
            yield less("inotify", text, f"sysctl fs.inotify.{name}={enough}")
            return
    yield ok("inotify", "enough for `watch`")


LOOKS = (control_groups, swap, device_controller, nodes, pressure, descriptors, watches)
