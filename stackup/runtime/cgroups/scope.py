"""A stack's group where systemd owns the tree: a transient scope that is delegated to us. For version 2 only.

A scope begins with a process and ends with its last one. The first is a keeper that waits for the end of the command
that asked; by then the stack's monitors are in the scope. systemd takes an empty scope away, so nothing is left.
Source: systemd's CGROUP_DELEGATION document; org.freedesktop.systemd1(5), StartTransientUnit.
"""

from __future__ import annotations

import os
import sys
import time

from stackup.errors import HostError
from stackup.kernel import cgroupfs, dbus, proc

_SOCKETS = (("/run/dbus/system_bus_socket", True), ("/run/systemd/private", False))
_MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
_SLICE = "system.slice"
_UNIT = "stackup.service"
"""Stops what runs when the machine goes down, in order: it begins after the scopes, and so ends before them."""
_LEAF = ".monitors"
"""Nobody may be in a group that hands controllers down."""
_EXISTS = "org.freedesktop.systemd1.UnitExists"
_PATIENCE_S = 5.0
_WAIT_S = 0.002


def available() -> bool:
    """Whether systemd runs this machine and can be asked. sd_booted(3)."""
    return os.path.isdir("/run/systemd/system") and any(os.path.exists(path) for path, _ in _SOCKETS)


def path(stack: str, parent: str) -> str:
    """Beneath the tree's root. Raises HostError for a parent that is no slice: systemd has no other place for it."""
    if not parent:
        return f"{_SLICE}/stackup-{stack}.scope"
    name = os.path.basename(parent.rstrip("/"))
    stem = name.removesuffix(".slice")
    words = stem.split("-")
    if stem == name or not all(words):
        hint = "on a machine with systemd it is the name of a slice, such as shop.slice"
        raise HostError(f'"cgroup_parent: {parent}" is no slice', subject=parent, hint=hint)
    slices = ["-".join(words[: count + 1]) + ".slice" for count in range(len(words))]
    return "/".join([*slices, f"stackup-{stack}:{stem}.scope"])


def request(inner: str, pid: int) -> tuple[str, tuple[object, ...]]:
    """The arguments of StartTransientUnit, with their signature."""
    around, unit = os.path.split(inner)
    properties = [
        ("Description", ("s", "containers of stackup")),
        ("Slice", ("s", os.path.basename(around))),
        ("Delegate", ("b", True)),
        ("PIDs", ("au", [pid])),
        ("CollectMode", ("s", "inactive-or-failed")),
        ("Before", ("as", [_UNIT])),
    ]
    return "ssa(sv)a(sa(sv))", (unit, "fail", properties, [])


_keepers: dict[str, tuple[int, int]] = {}
"""By group: the process, and the descriptor whose end is its own."""


def begin(home: str, inner: str) -> None:
    """There already is success. Raises HostError when systemd refuses."""
    if cgroupfs.fields(cgroupfs.read([os.path.join(home, inner)], "cgroup.events") or "").get("populated") == "1":
        return
    keeper, _ = _keepers[inner] = _keep()
    bus = _connect()
    try:
        _ask(bus, request(inner, keeper))
    finally:
        bus.close()
    _await(keeper, f"/{inner}")
    leaf = os.path.join(home, inner, _LEAF)
    cgroupfs.make(leaf)
    cgroupfs.join([leaf], keeper)


def _connect() -> dbus.Connection:
    where, bus = next(one for one in _SOCKETS if os.path.exists(one[0]))
    return dbus.Connection(where, bus=bus)


def _ask(bus: dbus.Connection, arguments: tuple[str, tuple[object, ...]]) -> None:
    """A scope that has just emptied has its name for a moment longer."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return bus.call((*_MANAGER, "StartTransientUnit"), *arguments)
        except dbus.Refused as problem:
            if problem.name != _EXISTS or time.monotonic() > end:
                raise
        time.sleep(_WAIT_S * 10)


def _keep() -> tuple[int, int]:
    """A process that ends with this one: its input does."""
    inner, outer = os.pipe2(os.O_CLOEXEC)
    argv = [sys.executable, "-I", "-S", "-c", "import os; os.chdir('/'); os.read(0, 1)"]
    actions = [
        (os.POSIX_SPAWN_DUP2, inner, 0),
        *((os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)),
    ]
    pid = os.posix_spawn(sys.executable, argv, {}, file_actions=actions, setsigmask=())
    os.close(inner)
    return pid, outer


def let_go(inner: str) -> None:
    """For a command that takes apart what it began itself."""
    if inner in _keepers:
        pid, outer = _keepers.pop(inner)
        os.close(outer)
        os.waitpid(pid, 0)


def _await(pid: int, group: str) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not proc.cgroups(pid).get("", "").endswith(group):
        if time.monotonic() > end:
            raise HostError(f'systemd did not begin "{group}"', subject=group, hint="see: systemctl status")
        time.sleep(_WAIT_S)
