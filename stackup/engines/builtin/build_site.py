"""Where a build's steps run: a folder of the run root that is locked while the build goes on, the control groups of its
steps, and a network of its own that is made for the first step that wants one.

Two builds share nothing here, and a build that was killed has let go of its lock: whoever comes next takes its steps,
groups and network apart.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import cycle
from typing import Any

from stackup.engines.builtin import limiting
from stackup.images import locks
from stackup.kernel import cgroupfs, files
from stackup.kernel.files import Lock
from stackup.kernel.resolve import remove_tree
from stackup.layout import NETNS, Layout
from stackup.runtime.cgroups import groups as control_groups
from stackup.runtime.network import container as namespace
from stackup.runtime.network import pools
from stackup.runtime.network.bridge import Bridge
from stackup.runtime.network.driver import Endpoint, Network, NetworkSpec

STACK = ".build"
"""Where control groups and live folders of builds are; no stack can have this name."""
_STEPS = "steps"


class Site:
    """One build's; to be closed when its steps have ended. Steps are named by their scratch folders."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._groups = control_groups.detect()
        self._network = SiteNetwork(layout, "")
        self._lock_fd = -1
        self._opening = threading.Lock()
        self._home = ""

    def _open(self) -> None:
        """Nothing is made for a build that runs nothing."""
        with self._opening, _changing(self._layout):
            if not self._home:
                home = self._layout.live_dir(STACK, "build", os.urandom(6).hex())
                files.make_dir(home)
                self._lock_fd = locks.hold(home)
                self._network = SiteNetwork(self._layout, home)
                self._home = home

    def step(self, name: str, closing: ExitStack) -> str:
        """The live folder of a step, until `closing`."""
        self._open()
        folder = os.path.join(self._home, _STEPS)
        live = os.path.join(folder, name)
        files.make_dir(live)
        closing.callback(_discard, folder, name)
        return live

    def groups(self, name: str, wanted: Any, closing: ExitStack) -> list[str]:
        with _changing(self._layout):
            made = self._groups.create(STACK, name)
        closing.callback(cgroupfs.remove, made)
        if wanted:
            list(limiting.impose({"cgroups": made}, wanted, fresh=True))
        return made

    def inside(self, name: str) -> dict[str, str]:
        return self._groups.inside(STACK, name)

    def kill(self, name: str) -> None:
        cgroupfs.kill(self._groups.directories(STACK, name))

    def join(self, pin_file: str, name: str) -> str:
        """Plugs a step's namespace into the build's network; the host's end of the way out."""
        return self._network.join(pin_file, name)

    def close(self) -> None:
        """The groups and folders of builds go with the last of them."""
        if self._network.begun:
            self._network.remove()
        with _changing(self._layout):
            if self._home:
                _discard(os.path.dirname(self._home), os.path.basename(self._home))
                os.close(self._lock_fd)
                self._home = ""
            _tidy(self._layout, self._groups)


class SiteNetwork:
    """A bridge like a stack's, with the same way out; `home` is where its namespace is pinned."""

    def __init__(self, layout: Layout, home: str) -> None:
        self._driver = Bridge(layout.run)
        self._spec = _network_spec(home)
        self._lock = threading.Lock()
        self._network: Network | None = None
        self._free: Iterator[int] = iter(())
        self.begun = False

    def join(self, pin_file: str, name: str) -> str:
        """Addresses go round, so that one that has just been left is not given again at once."""
        with self._lock:
            if self._network is None:
                self.begun = True
                made = self._driver.create(self._spec)
                first, last = pools.bounds(made["subnet"])
                self._free = cycle(range(first + 2, last))
                self._network = made
            address = pools.address_text(next(self._free))
            (problem,) = self._driver.attach(self._network, [_endpoint(pin_file, name, address)])
        if problem:
            raise problem
        return self._network["uplink"][0]

    def remove(self) -> None:
        """Also one that was made half, or by a build that is gone: the host's claims know it by its name."""
        (problem,) = self._driver.remove([self._driver.half_made(self._spec)])
        if problem:
            raise problem


def sweep(layout: Layout) -> None:
    """What killed builds left, which goes on without them until it is ended here."""
    if not os.path.isdir(layout.live_stack_dir(STACK)):
        return
    groups = control_groups.detect()
    top = layout.live_dir(STACK, "build", "")
    with _changing(layout):
        for key in files.list_dir(top):
            home = os.path.join(top, key)
            lock = locks.claim(home)
            if lock is not None:
                _take_apart(layout, groups, home)
                os.close(lock)
        _tidy(layout, groups)


def _take_apart(layout: Layout, groups: control_groups.Cgroups, home: str) -> None:
    steps = os.path.join(home, _STEPS)
    for name in files.list_dir(steps):
        directories = groups.directories(STACK, name)
        cgroupfs.kill(directories)
        cgroupfs.remove(directories)
        namespace.discard(os.path.join(steps, name, NETNS))
    SiteNetwork(layout, home).remove()
    _discard(os.path.dirname(home), os.path.basename(home))


def _tidy(layout: Layout, groups: control_groups.Cgroups) -> None:
    groups.remove_stack(STACK)
    for folder in (layout.live_dir(STACK, "build", ""), layout.live_stack_dir(STACK)):
        with suppress(OSError):
            os.rmdir(folder)


def _changing(layout: Layout) -> Lock:
    """What all builds share is made and removed by one at a time."""
    return Lock(layout.lock_file(STACK), "a build", waiting=lambda _: None)


def _discard(parent: str, name: str) -> None:
    fd = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_tree(fd, name)
    finally:
        os.close(fd)


def _network_spec(home: str) -> NetworkSpec:
    return {
        "stack": STACK, "name": os.path.basename(home), "pin_file": os.path.join(home, NETNS), "driver": "bridge",
        "internal": False, "ipv4": True, "ipv6": False, "subnet": "", "gateway": "", "subnet6": "", "gateway6": "",
        "mtu": 0, "link_name": "", "parent": "", "mode": "", "apart": True, "masquerade": True, "binding": "",
    }  # fmt: skip


def _endpoint(pin_file: str, name: str, address: str) -> Endpoint:
    return {
        "stack": STACK, "key": f"container/{name}", "pin_file": pin_file, "link": "eth0", "address": address,
        "address6": "", "mac": "", "default": True, "default6": False, "link_local": [], "mtu": 0, "sysctls": [],
        "table": 0,
    }  # fmt: skip
