"""Where a host's control groups are, and in them those of a stack and its containers: made and removed. Hot.

Law: groups lie at `stackup/<stack>/<container>` beneath the highest directory of each hierarchy that we may write, or
beneath a parent that the stack file names; never beneath the caller's own group, which may end with the caller's
session. Where systemd owns version 2's tree, a stack's group is a scope that it has delegated to us (see `scope`). What
we made on the way to a group carries a mark, and goes when it is empty.
"""

from __future__ import annotations

import os
from contextlib import suppress

from stackup.errors import HostError, KernelError, Unsupported
from stackup.kernel import cgroupfs, proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOME = "stackup"
MARK = "trusted.stackup"
CONTROLLERS = ("memory", "cpu", "cpuset", "pids")
_HANDED = {*CONTROLLERS, "io"}
_V1 = (*CONTROLLERS, "blkio", "devices", "freezer")


class Cgroups:
    """`homes` are directories that hold ours, by controller; on v2 one, named ``.

    On the hybrid of both, limits are v1's and the empty v2 hierarchy is joined as well: its `cgroup.kill` and
    `cgroup.freeze` need no controller.
    """

    __slots__ = ("_whole", "homes", "managed", "version")

    def __init__(self, version: int, homes: Mapping[str, str]) -> None:
        self.version, self.homes = version, dict(homes)
        self.managed = False
        """Whether systemd owns the tree and gives scopes of it."""
        self._whole: set[str] = set()

    @classmethod
    def detect(cls, mounts: Iterable[proc.Mount], own: Mapping[str, str]) -> Cgroups:
        """`own` is /proc/self/cgroup: for a user without root, the delegated groups lie on the way to it."""
        unified, controllers = "", {}
        for mount in mounts:
            if mount.fstype == "cgroup2":
                unified = mount.place
            elif mount.fstype == "cgroup":
                names = [name for name in mount.super_options if name in _V1]
                controllers.update(dict.fromkeys(names, mount.place))
        given = (cgroupfs.read([unified], "cgroup.controllers") or "").split() if unified else []
        if "memory" in given or "pids" in given or (unified and not controllers):
            return cls(2, {"": _writable(unified, own.get("", "/"))})
        if not controllers:
            raise Unsupported("this machine has no control groups mounted", hint="mount cgroup2 at /sys/fs/cgroup")
        if unified:
            controllers.pop("freezer", None)
            controllers[""] = unified
        return cls(1, {name: _writable(place, _own_path(own, name)) for name, place in controllers.items()})

    def directories(self, stack: str, container: str, parent: str = "") -> list[str]:
        """Without making them. Controllers that share a hierarchy (`cpu,cpuacct`) share a directory."""
        inner = os.path.join(self._subtree(stack, parent), container)
        return list(dict.fromkeys(os.path.join(home, inner) for home in self.homes.values()))

    def inside(self, stack: str, container: str, parent: str = "") -> dict[str, str]:
        """Name beneath the container's /sys/fs/cgroup to its directory: what `RootPlan.cgroups` takes."""
        inner = os.path.join(self._subtree(stack, parent), container)
        if self.version == 2:
            return {"": os.path.join(self.homes[""], inner)}
        return {name or "unified": os.path.join(home, inner) for name, home in self.homes.items()}

    def create(self, stack: str, container: str, parent: str = "") -> list[str]:
        """Made, with all that it lies in; there already is success."""
        inner = self._subtree(stack, parent)
        for home in dict.fromkeys(self.homes.values()):
            self._make_subtree(home, inner)
            cgroupfs.make(os.path.join(home, inner, container))
        return self.directories(stack, container, parent)

    def _subtree(self, stack: str, parent: str) -> str:
        """One a stack, and one a parent that its services name."""
        if self.managed:
            from stackup.runtime.cgroups import scope  # for machines with systemd only

            return scope.path(stack, parent)
        return os.path.join(parent.strip("/"), HOME, stack)

    def _make_subtree(self, home: str, inner: str) -> None:
        """Once for all of a command: what is in it keeps it from being pruned."""
        folder = os.path.join(home, inner)
        if folder in self._whole:
            return
        if self.managed:
            from stackup.runtime.cgroups import scope

            scope.begin(home, inner)
        else:
            self._make_way(home, inner)
        if self.version == 2:
            _hand_down(folder)
        self._whole.add(folder)

    def _make_way(self, home: str, inner: str) -> None:
        folder = home
        for name in inner.split("/"):
            if self.version == 2:
                _hand_down(folder)
            folder = os.path.join(folder, name)
            if cgroupfs.make(folder):
                with suppress(OSError):  # without marks it stays, empty, when we are gone
                    os.setxattr(folder, MARK, b"1")

    def let_go(self, stack: str) -> None:
        """Nobody of this command's keeps a group that is to be removed."""
        if self.managed:
            from stackup.runtime.cgroups import scope

            scope.let_go(scope.path(stack, ""))

    def remove_stack(self, stack: str) -> None:
        """The stack's own groups, once its containers' are gone."""
        self.let_go(stack)
        for home in dict.fromkeys(self.homes.values()):
            folder = os.path.join(home, self._subtree(stack, ""))
            for inner in cgroupfs.below(folder):
                cgroupfs.prune(inner)
            release([folder])


def release(dirs: Iterable[str]) -> None:
    """What we made on the way to groups that are gone, up to what is in use or is not ours."""
    for folder in dirs:
        above = os.path.dirname(folder)
        while _is_ours(above) and cgroupfs.prune(above):
            above = os.path.dirname(above)


def _is_ours(folder: str) -> bool:
    try:
        return os.path.basename(folder) == HOME or bool(os.getxattr(folder, MARK))
    except OSError:
        return False


def detect() -> Cgroups:
    found = Cgroups.detect(proc.mounts(), proc.cgroups())
    if found.version == 2 and os.geteuid() == 0 and os.path.isdir("/run/systemd/system"):
        from stackup.runtime.cgroups import scope

        found.managed = scope.available()
    return found


def _own_path(own: Mapping[str, str], controller: str) -> str:
    for names, path in own.items():
        if controller in names.split(","):
            return path
    return "/"


def _writable(place: str, own: str) -> str:
    """The highest group on the way from the mount to our own that we may make groups in."""
    folder = place
    for name in ("", *own.strip("/").split("/")):
        folder = os.path.join(folder, name) if name else folder
        if os.access(folder, os.W_OK) and os.access(os.path.join(folder, "cgroup.procs"), os.W_OK):
            return folder
    return place


def _hand_down(folder: str) -> None:
    """v2: a group has the controllers that its parent hands down. What the machine does not have is left out."""
    given = set((cgroupfs.read([folder], "cgroup.controllers") or "").split())
    handed = set((cgroupfs.read([folder], "cgroup.subtree_control") or "").split())
    for name in sorted((given & _HANDED) - handed):
        try:
            cgroupfs.write([folder], "cgroup.subtree_control", f"+{name}")
        except KernelError as problem:
            hint = "processes in the group itself keep it from handing controllers down"
            raise HostError(problem.message, subject=folder, hint=hint) from problem
