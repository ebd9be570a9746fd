"""What this machine can and cannot do for stackup, each finding with its remedy. Looks, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from stackup.engines.builtin.powers import is_root
from stackup.engines.engine import Finding
from stackup.errors import StackupError
from stackup.images import host
from stackup.kernel import calls, nftables, rtnetlink
from stackup.kernel.abi import AT_EMPTY_PATH, MountAttr
from stackup.kernel.netlink import Channel
from stackup.kernel.nftexpr import NUMGEN
from stackup.layout import Layout
from stackup.runtime.network import claims, families, rules


def _ok(subject: str, text: str) -> Finding:
    return {"level": "ok", "subject": subject, "text": text, "hint": ""}


def _less(subject: str, text: str, hint: str) -> Finding:
    """It works, with less."""
    return {"level": "warning", "subject": subject, "text": text, "hint": hint}


def _none(subject: str, text: str, hint: str) -> Finding:
    """Stacks that need it fail."""
    return {"level": "error", "subject": subject, "text": text, "hint": hint}


def findings(layout: Layout) -> list[Finding]:
    """All of them, the machine's basics first."""
    return [found for look in LOOKS for found in look(layout)]


def _root(_: Layout) -> Iterator[Finding]:
    effective = calls.capget()[0]
    if not is_root():
        yield _none("root", "not root with CAP_SYS_ADMIN", "run stackup as root")
    elif not effective >> 24 & 1:  # CAP_SYS_RESOURCE
        hint = "start stackup from a process that has it to raise hard limits with `ulimits`"
        yield _less("root", "root without CAP_SYS_RESOURCE", hint)
    else:
        yield _ok("root", "root with all that is needed")


def _kernel(_: Layout) -> Iterator[Finding]:
    release = os.uname().release
    major, minor = (int("".join(filter(str.isdigit, part)) or 0) for part in release.split(".")[:2])
    if (major, minor) < (5, 12):
        yield _none("kernel", f"Linux {release} lacks mount_setattr", "use Linux 5.12 or newer")
    else:
        yield _ok("kernel", f"Linux {release}")


def _namespaces(_: Layout) -> Iterator[Finding]:
    absent = [
        name for name in ("mnt", "pid", "net", "uts", "ipc", "cgroup") if not os.path.exists(f"/proc/self/ns/{name}")
    ]
    if absent:
        yield _none("namespaces", f"no {', '.join(absent)} namespaces", "use a kernel built with them")
    else:
        yield _ok("namespaces", "mount, pid, network, uts, ipc, cgroup")


def _overlay(layout: Layout) -> Iterator[Finding]:
    if "overlay" not in _lines("/proc/filesystems"):
        yield _none("overlayfs", "the kernel has no overlayfs", "load it: modprobe overlay")
        return
    kind = _filesystem(layout.state)
    if kind == "overlay":
        detail = f'"{layout.state}" is on overlayfs, so containers write to memory and lose it at a reboot'
        yield _less("overlayfs", detail, "point STACKUP_ROOT at a folder on a disk")
    else:
        yield _ok("overlayfs", f"state on {kind}")


def _cgroups(_: Layout) -> Iterator[Finding]:
    mounts = [line.split(" - ") for line in _read("/proc/self/mountinfo").splitlines()]
    kinds = {right.split()[0] for _, right in (pair for pair in mounts if len(pair) == 2)}
    unified = "/sys/fs/cgroup/cgroup.controllers"
    if os.path.exists(unified):
        controllers = _read(unified).split()
        absent = sorted({"cpu", "cpuset", "memory", "pids", "io"} - set(controllers))
        if absent:
            yield _less("cgroups", f"version 2 without {', '.join(absent)}", "delegate these controllers")
        else:
            yield _ok("cgroups", "version 2")
    elif "cgroup" in kinds:
        yield _ok("cgroups", "version 1")
    else:
        yield _none("cgroups", "no control groups are mounted", "mount cgroup2 at /sys/fs/cgroup")


def _firewall(_: Layout) -> Iterator[Finding]:
    try:
        with nftables.open_channel() as channel:
            absent = nftables.lacking(channel, (rules.host_table(closed=True), rules.NETWORK_MEMBERS))
    except (StackupError, OSError) as problem:
        detail = f"{problem}: ports are served in user space, and containers do not reach the outside"
        yield _less("nftables", detail, "load it: modprobe nf_tables")
        return
    if NUMGEN in absent:
        yield _less("nftables", "replicas share a port in user space only", f"load it: modprobe {NUMGEN}")
    if needed := sorted(absent - {NUMGEN}):
        yield _none("nftables", f"no {', '.join(needed)}", f"load it: modprobe -a {' '.join(needed)}")
    if not absent:
        yield _ok("nftables", "ports and masquerading in the kernel")


def _links(layout: Layout) -> Iterator[Finding]:
    with Channel() as channel:
        absent = [kind for kind in ("bridge", "veth") if not rtnetlink.has_kind(channel, kind)]
    if absent:
        hint = f"load it: modprobe -a {' '.join(absent)}"
        yield _none("links", f"no {' and no '.join(absent)}: containers have no networks", hint)
    forwarding = _read("/proc/sys/net/ipv4/ip_forward").strip()
    if turned := families.turned_on(claims.read(layout.run)):
        yield _ok("forwarding", f"{' and '.join(turned)}: on by stackup; the last network to go restores it")
    elif forwarding == "1":
        yield _ok("forwarding", "ip_forward is on")
    else:
        yield _ok("forwarding", "ip_forward is off; the first network turns it on and the last restores it")


def _children(_: Layout) -> Iterator[Finding]:
    with Channel() as channel:
        for kind in ("macvlan", "ipvlan"):
            if rtnetlink.has_kind(channel, kind):
                yield _ok(kind, "networks may have this driver")
            else:
                yield _less(kind, f"no networks with `driver: {kind}`", f"load it: modprobe {kind}")


def _image(_: Layout) -> Iterator[Finding]:
    lines = host.describe_host()
    for line in lines:
        yield _less("image: host", line, "import an image instead: stackup image import")
    if not lines:
        yield _ok("image: host", "this machine's /usr, read-only")


def _idmap(_: Layout) -> Iterator[Finding]:
    """mount_setattr(2) with nothing to set answers whether the call is there."""
    fd = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        calls.mount_setattr(fd, "", AT_EMPTY_PATH, MountAttr())
    except StackupError as problem:
        yield _none("mount attributes", problem.message, "use Linux 5.12 or newer")
    else:
        yield _ok("mount attributes", "read-only binds are read-only all the way down")
    finally:
        os.close(fd)


LOOKS: tuple[Callable[[Layout], Iterator[Finding]], ...] = (
    _root,
    _kernel,
    _namespaces,
    _overlay,
    _idmap,
    _cgroups,
    _firewall,
    _links,
    _children,
    _image,
)


def _filesystem(path: str) -> str:
    """The type of the file system that a path is or would be on: the longest mount point above it."""
    best, kind = "", "unknown"
    for line in _read("/proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4]
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def _lines(path: str) -> set[str]:
    return {line.split()[-1] for line in _read(path).splitlines() if line.split()}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
