"""What a container's root is made of, compiled to a list of operations: pure data, nothing touched.

Law: order is safety. Host paths are opened first, then the image is mounted, then /proc, /sys and /dev with their masks
by descriptor, and only then what the user asked for, shallow targets before deep ones: no mount of the user's can lie
between us and procfs. `mounting.perform` does what this module says; `describe` puts an operation into words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.errors import Unsupported
from stackup.kernel.abi import (
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
)
from stackup.runtime.idmaps import SIZE
from stackup.runtime.mounting import describe

if TYPE_CHECKING:
    from stackup.runtime.description import Operation
    from stackup.runtime.devices import Device
    from stackup.runtime.spec import Mount

__all__ = ["MASKED", "READ_ONLY", "HostFile", "Layers", "RootPlan", "UserRange", "describe", "operations"]

MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
    "/sys/firmware",
)  # fmt: skip
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_NODEV_NOSUID = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID
_INERT = _NODEV_NOSUID | MOUNT_ATTR_NOEXEC
_LINKS = {
    "/dev/ptmx": "pts/ptmx", "/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2", "/dev/core": "/proc/kcore",
}  # fmt: skip
_IPC_SYSCTLS = ("kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue.")


@dataclass(frozen=True, slots=True)
class Layers:
    """An overlay: read-only directories top first, and where changes go."""

    lowers: tuple[str, ...]
    upper: str = ""
    work: str = ""


@dataclass(frozen=True, slots=True)
class UserRange:
    """A user namespace: its file, and what its user and group 0 are outside."""

    pin: str
    base: int

    def outside(self, number: int) -> int:
        if number >= SIZE:
            hint = f"there are 0 to {SIZE - 1} where a container has users of its own"
            raise Unsupported(f"{number} is no user or group of the container", subject=str(number), hint=hint)
        return self.base + number


@dataclass(frozen=True, slots=True)
class HostFile:
    """A secret's or config's content, a file of the host's, and how it looks inside."""

    source: str
    uid: int
    gid: int
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RootPlan:
    """Everything that a root is made of. Host paths are absolute, defaults are filled in."""

    layers: Layers
    merged: str
    """An empty directory of the host's on which the root is mounted, in the child's namespace only."""
    nested: Mapping[str, Layers] = field(default_factory=dict)
    """Overlays inside the root, such as the host's /usr at `/usr`."""
    mounts: Mapping[str, Mount] = field(default_factory=dict)
    """ContainerSpec.mounts, volume sources replaced by their directory; an image's source is its key in `images`."""
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Layer directories, top first, of images that are mounted."""
    files: Mapping[str, HostFile] = field(default_factory=dict)
    etc: Mapping[str, str] = field(default_factory=dict)
    """`/etc/hosts`, `/etc/resolv.conf`, `/etc/hostname`: target to the host's file, which stays writable."""
    devices: tuple[Device, ...] = ()
    own_nodes: bool = False
    """Nodes that it makes in /dev work, as far as the device controller lets it."""
    cgroups: Mapping[str, str] = field(default_factory=dict)
    """Name beneath /sys/fs/cgroup (empty on v2) to the container's directory; see `Cgroups.inside`."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    hostname: str = ""
    """Empty: the host's name is kept (no uts namespace of its own)."""
    domainname: str = ""
    shm_size: int = 64 << 20
    """0: no /dev/shm."""
    shm: str = ""
    """Empty: a /dev/shm of its own; `host`; or the mount namespace file of the container it is shared with."""
    read_only: bool = False
    tty: bool = False
    own_network: bool = True
    confined: bool = True
    """Not privileged and not `systempaths=unconfined`: masks, read-only /proc/sys and the like."""
    privileged: bool = False
    users: UserRange | None = None
    """None: the host's."""

    def outside(self, number: int) -> int:
        return self.users.outside(number) if self.users else number


def operations(root: RootPlan) -> list[Operation]:
    places = _places(root) if root.users else {}
    return [
        *_sources(root),
        {"op": "private"},
        *_store(root, places),
        *_own(root),
        _overlay(root.merged, _placed(root.layers, places)),
        *_nested(root),
        *_system(root),
        *_devices(root),
        *_identity(root),
        *(_confinement() if root.confined else ()),
        *_user_mounts(root),
        *([{"op": "protect", "target": "/"}] if root.read_only else ()),
        {"op": "pivot", "target": root.merged},
    ]


def _overlay(target: str, layers: Layers, text: str = "") -> Operation:
    return {
        "op": "overlay", "target": target, "text": text,
        "lowers": list(layers.lowers), "upper": layers.upper, "work": layers.work,
    }  # fmt: skip


def _places(root: RootPlan) -> dict[str, str]:
    """Where the store has each folder that overlays are made of, changes and their work folder under one roof."""
    mounted = (lower for lowers in root.images.values() for lower in lowers)
    found = dict.fromkeys((*root.layers.lowers, os.path.dirname(root.layers.upper), *mounted))
    return {folder: f"{root.merged}/layer-{number}" for number, folder in enumerate(found)}


def _placed(layers: Layers, places: Mapping[str, str]) -> Layers:
    if not places:
        return layers
    roof = places[os.path.dirname(layers.upper)]
    upper, work = (os.path.join(roof, os.path.basename(path)) for path in (layers.upper, layers.work))
    return Layers(tuple(places[lower] for lower in layers.lowers), upper, work)


def _own(root: RootPlan) -> Iterator[Operation]:
    if root.users:
        yield {"op": "own", "uid": root.users.base, "gid": root.users.base}


def _sources(root: RootPlan) -> Iterator[Operation]:
    """What is opened while only the host's mounts exist."""
    if root.users:
        yield {"op": "users", "source": root.users.pin, "uid": root.users.base}
    for target, mount in root.mounts.items():
        if mount["type"] in ("bind", "volume"):
            yield {
                "op": "source",
                "target": target,
                "source": mount["source"],
                "subpath": mount["subpath"],
                "create": mount["create"],
                "recursive": mount["recursive"] != "disabled",
                "owners": mount.get("owners", ""),
                "owned": root.users is not None or bool(mount.get("owners")),
            }
    for target, source in root.etc.items():
        yield {"op": "source", "target": target, "source": source}
    for name, source in root.cgroups.items():
        yield {"op": "source", "target": _cgroup_target(name), "source": source, "recursive": not name}
    if root.shm:
        mntns = "" if root.shm == "host" else root.shm
        yield {"op": "source", "target": "/dev/shm", "source": "/dev/shm", "mntns": mntns}


def _cgroup_target(name: str) -> str:
    return f"/sys/fs/cgroup/{name}" if name else "/sys/fs/cgroup"


def _store(root: RootPlan, places: Mapping[str, str]) -> Iterator[Operation]:
    yield {"op": "store", "target": root.merged}
    for source, place in places.items():
        yield {"op": "layer", "target": place, "source": source}
    yield {"op": "null", "target": "null"}
    for device in root.devices:
        node = {key: value for key, value in device.items() if key != "permissions"}
        node |= {"uid": root.outside(device["uid"]), "gid": root.outside(device["gid"])}
        yield {"op": "node", **node}  # type: ignore[typeddict-item]  # every other key of a Device is an Operation's
    for target, file in root.files.items():
        yield {
            "op": "content", "target": target, "source": file.source,
            "uid": root.outside(file.uid), "gid": root.outside(file.gid), "mode": file.mode,
        }  # fmt: skip
    for target, mount in root.mounts.items():
        if mount["type"] == "image":
            lowers = [places.get(lower, lower) for lower in root.images[mount["source"]]]
            yield {"op": "image", "target": target, "lowers": lowers, "subpath": mount["subpath"]}


def _nested(root: RootPlan) -> Iterator[Operation]:
    for target, layers in root.nested.items():
        yield {**_overlay(target, layers, "inside"), "owned": root.users is not None}


def _system(root: RootPlan) -> Iterator[Operation]:
    sys = _INERT if root.privileged else _INERT | MOUNT_ATTR_RDONLY
    yield _filesystem("proc", "/proc", _INERT)
    yield _filesystem("sysfs", "/sys", sys)
    if root.cgroups:
        yield from _cgroup_mounts(root)
    dev = MOUNT_ATTR_NOSUID if root.own_nodes else _NODEV_NOSUID
    yield _filesystem("tmpfs", "/dev", dev, mode="0755", size="64k")
    yield _filesystem("devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, **_PTS, gid=str(root.outside(5)))
    yield _filesystem("mqueue", "/dev/mqueue", _INERT)
    if root.shm:
        yield {"op": "mount", "target": "/dev/shm", "attributes": _INERT}
    elif root.shm_size:
        yield _filesystem("tmpfs", "/dev/shm", _INERT, mode="1777", size=str(root.shm_size))


_PTS = {"newinstance": "", "ptmxmode": "0666", "mode": "0620"}


def _filesystem(fstype: str, target: str, attributes: int, **options: str) -> Operation:
    return {"op": "filesystem", "fstype": fstype, "target": target, "attributes": attributes, "options": options}


def _cgroup_mounts(root: RootPlan) -> Iterator[Operation]:
    """The container sees its own groups only, read-only; on v1 one directory a controller, as everywhere."""
    if "" not in root.cgroups:
        yield _filesystem("tmpfs", "/sys/fs/cgroup", _INERT, mode="0755", size="64k")
    for name in root.cgroups:
        target = _cgroup_target(name)
        yield {"op": "mount", "target": target, "read_only": not root.privileged, "attributes": _INERT}


def _devices(root: RootPlan) -> Iterator[Operation]:
    for device in root.devices:
        inside = device["target"].startswith("/dev/")
        yield {"op": "device" if inside else "mount", "target": device["target"]}
    for target, text in _LINKS.items():
        yield {"op": "link", "target": target, "text": text}
    if root.tty:
        yield {"op": "console", "target": "/dev/console"}


def _identity(root: RootPlan) -> Iterator[Operation]:
    if root.hostname:
        yield {"op": "hostname", "target": root.hostname, "text": root.domainname}
    for name, value in root.sysctls.items():
        _check_sysctl(name, root)
        yield {"op": "sysctl", "target": name.replace(".", "/") if "/" not in name else name, "text": value}


def _check_sysctl(name: str, root: RootPlan) -> None:
    """Only what belongs to the container's namespaces: the rest would change the machine."""
    dotted = name.replace("/", ".")
    if dotted.startswith(_IPC_SYSCTLS) or (dotted.startswith("net.") and root.own_network):
        return
    why = "the container uses the host's network" if dotted.startswith("net.") else "it is the whole machine's"
    hint = f"set it on the host: sysctl -w {dotted}={root.sysctls[name]}"
    raise Unsupported(f'the kernel parameter "{name}" cannot be set for a container: {why}', subject=name, hint=hint)


def _confinement() -> Iterator[Operation]:
    for target in READ_ONLY:
        yield {"op": "readonly", "target": target}
    for target in MASKED:
        yield {"op": "mask", "target": target}


def _user_mounts(root: RootPlan) -> Iterator[Operation]:
    """Parents before children; at one depth in the order of names, so that the list is the same every time."""
    places = {**dict.fromkeys(root.etc), **dict.fromkeys(root.files), **dict.fromkeys(root.mounts)}
    for target in sorted(places, key=lambda target: (target.rstrip("/").count("/"), target)):
        if target in root.mounts:
            yield _user_mount(target, root.mounts[target], root)
        else:
            yield {"op": "mount", "target": target, "read_only": target in root.files, "attributes": _NODEV_NOSUID}


def tmpfs_options(mount: Mount, outside: Callable[[int], int]) -> dict[str, str]:
    """tmpfs(5): what the file says, and the mode of /tmp where it does not. `outside` makes an owner the host's."""
    sizes = {"size": mount["size"], "nr_inodes": mount.get("inodes", 0)}
    options = {"mode": f"{mount['mode'] or 0o1777:04o}", **{key: str(n) for key, n in sizes.items() if n}}
    return options | {key: str(outside(mount[key])) for key in ("uid", "gid") if key in mount}


def _user_mount(target: str, mount: Mount, root: RootPlan) -> Operation:
    if mount["type"] == "tmpfs":
        attributes = _NODEV_NOSUID if mount.get("exec") else _INERT
        attributes |= MOUNT_ATTR_RDONLY if mount["read_only"] else 0
        return {
            "op": "tmpfs",
            "target": target,
            "options": tmpfs_options(mount, root.outside),
            "attributes": attributes,
        }
    return {
        "op": "mount",
        "target": target,
        "read_only": mount["read_only"] or mount["type"] == "image",
        "shallow": mount["recursive"] == "writable",
        "propagation": mount["propagation"],
        "copy_up": mount["type"] == "volume" and not mount["nocopy"] and not mount["subpath"],
        "attributes": 0 if mount["type"] == "bind" else MOUNT_ATTR_NODEV,
    }
