"""What a build needs of this machine: layers joined by the kernel, and RUN in a container of our own runtime.

Nothing that is mounted leaves a trace in a layer (T27, T28): places that the image lacks are made beforehand in a layer
of their own, which lies beneath the new one and is thrown away. Secrets are on the tmpfs that every container's secrets
are on; no record of a build is written anywhere.
"""

from __future__ import annotations

import os
import select
from contextlib import ExitStack, suppress
from typing import Any

from stackup.engines.builtin.build_mounts import BuildMounts, Surroundings
from stackup.engines.builtin.powers import powers
from stackup.errors import HostError, StackupError, Unsupported
from stackup.images import locks
from stackup.images.build.execution import SCRIPTS, Execute
from stackup.images.build.solve import Order
from stackup.kernel import cgroupfs, files
from stackup.layout import Layout
from stackup.runtime import devices, limits, privileges
from stackup.runtime.client import Client, MonitorGone
from stackup.runtime.description import Description, Process
from stackup.runtime.launch import Launcher
from stackup.runtime.network import container as namespace
from stackup.runtime.network import etc
from stackup.runtime.places import make_beneath, system_place
from stackup.runtime.rootfs import Layers, RootPlan, operations
from stackup.runtime.seccomp.filters import UNCONFINED, Filters
from stackup.runtime.trees import layers_tree, new_overlay
from stackup.values import Address

STACK = ".build"
"""Where control groups and live folders of builds are; no stack can have this name."""
_SYSTEM = ("/proc", "/sys", "/dev")
_LONGEST_LINE = 1 << 16


class BuildRunner:
    """Implements `solve.Runner`; to be closed."""

    def __init__(self, layout: Layout, surroundings: Surroundings) -> None:
        self._layout = layout
        self._around = surroundings
        self._launcher = Launcher()
        self._groups = limits.detect()
        self._stopped = False
        self._running: set[str] = set()

    def stop(self) -> None:
        self._stopped = True
        for name in list(self._running):
            cgroupfs.kill(self._groups.directories(STACK, name))

    def sweep(self, aside: str) -> None:
        """Steps whose command was killed go on without it: they end here. `aside` is where scratch folders are."""
        folder = self._layout.live_dir(STACK, "container", "")
        for name in files.list_dir(folder):
            scratch = os.path.join(aside, name)
            lock = locks.claim(scratch)
            if lock is None and os.path.exists(scratch):
                continue
            if lock is not None:
                os.close(lock)
            groups = self._groups.directories(STACK, name)
            cgroupfs.kill(groups)
            cgroupfs.remove(groups)
            namespace.discard(os.path.join(folder, name, "netns"))
            _discard(folder, name)

    def close(self) -> None:
        """The groups and folders of builds go with the last of them."""
        self._launcher.close()
        self._groups.remove_stack(STACK)
        for folder in (self._layout.live_dir(STACK, "container", ""), self._layout.live_stack_dir(STACK)):
            with suppress(OSError):
                os.rmdir(folder)

    def start(self) -> None:
        """Its launcher loads while the build is still being read."""
        self._launcher.start()

    def view(self, lowers: tuple[str, ...]) -> int:
        return layers_tree(list(lowers))

    def change(self, lowers: tuple[str, ...], upper: str, work: str) -> int:
        return new_overlay(list(lowers), upper, work)

    def run(self, order: Order) -> int:
        name = os.path.basename(order.scratch)
        with ExitStack() as closing:
            live = self._layout.live_dir(STACK, "container", name)
            files.make_dir(live)
            closing.callback(_discard, self._layout.live_dir(STACK, "container", ""), name)
            running = _Run(self._layout, self._around, order, live, self._groups, closing)
            description = running.description(name)
            self._running.add(name)
            closing.callback(self._running.discard, name)
            if self._stopped:
                raise HostError("the build was stopped")
            (answer,) = self._launcher.launch([description])
            if isinstance(answer[1], StackupError):
                raise answer[1]
            return _attended(Client(live), order)


def _discard(parent: str, name: str) -> None:
    from stackup.kernel.resolve import remove_tree

    fd = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_tree(fd, name)
    finally:
        os.close(fd)


def _attended(client: Client, order: Order) -> int:
    """It starts when we listen, and is over when its monitor is gone: nobody writes into the layer any more."""
    with client.open() as conversation:
        conversation.say({"do": "attach", "stdin": False, "once": False, "size": [80, 24]})
        _, fds = conversation.hear_with_descriptors(0)
        _pump(fds, order)
        code = int(conversation.hear(0).get("exit", 0))
        try:
            while True:
                conversation.hear(0)
        except MonitorGone:
            return code


def _pump(fds: list[int], order: Order) -> None:
    """Lines as they come, of both streams."""
    pending = dict.fromkeys(fds, b"")
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    try:
        while pending:
            for fd, _ in poll.poll():
                data = os.read(fd, 1 << 16)
                *lines, rest = (pending[fd] + data).split(b"\n")
                if len(rest) > _LONGEST_LINE or not data:
                    lines, rest = [*lines, *([rest] if rest else [])], b""
                for line in lines:
                    order.say(line.decode(errors="replace").rstrip("\r"))
                pending[fd] = rest
                if not data:
                    poll.unregister(fd)
                    del pending[fd]
    finally:
        for fd in fds:
            os.close(fd)


class _Run:
    """One RUN, from what the build says to what a monitor is told."""

    def __init__(
        self, layout: Layout, around: Surroundings, order: Order, live: str, groups: limits.Cgroups, closing: ExitStack
    ) -> None:
        self._layout = layout
        self._around = around
        self._order = order
        self._live = live
        self._groups = groups
        self._closing = closing
        self._own = BuildMounts(layout, around, order, live, closing)

    def description(self, name: str) -> Description:
        execute = self._order.execute
        insecure = execute.security == "insecure"
        if insecure and not self._around.insecure:
            hint = "give the build the entitlement security.insecure"
            raise Unsupported("RUN --security=insecure is not allowed", subject="--security", hint=hint)
        privileged = insecure or self._around.privileged
        if execute.script:
            text = execute.script.text.encode("utf-8", "surrogateescape")
            self._own.files[f"{SCRIPTS}/{execute.script.name}"] = self._own.file(text, 0, 0, 0o755)
        cgroups = self._cgroups(name)
        return {
            "stack": STACK,
            "address": str(Address("container", name)),
            "name": "RUN",
            "instance": name,
            "state_dir": self._live,
            "live_dir": self._live,
            "namespaces": {"net": self._network(), "pid": "", "ipc": "", "uts": "", "cgroup": ""},
            "operations": operations(self._root(name, privileged)),
            "process": self._process(execute, privileged),
            "init": False,
            "tty": False,
            "stdin_open": False,
            "await_attach": True,
            "cgroups": cgroups,
            "monitor_cgroups": [],
            "restart": {"policy": "no", "attempts": 0, "delay": 0, "window": 0},
            "health": None,
            "stop": {"signal": "SIGKILL", "grace": 0},
            "log": {"driver": "none", "max_size": 1 << 20, "max_file": 1},
            "ports": [],
            "resolver": None,
        }

    def _cgroups(self, name: str) -> list[str]:
        nothing: Any = {
            "memory": self._around.memory, "memory_reservation": 0, "memory_swap": 0, "cpus": 0.0, "cpu_shares": 0,
            "cpu_quota": 0, "cpu_period": 0, "cpuset": "", "pids": 0,
        }  # fmt: skip
        made = self._groups.create(STACK, name, nothing if self._around.memory else None)
        self._closing.callback(cgroupfs.remove, made)
        return made

    def _process(self, execute: Execute, privileged: bool) -> Process:
        own = powers()
        kept = privileges.capability_set((), (), privileged=privileged)
        return {
            "argv": list(execute.argv),
            "env": {"PATH": privileges.PATH, **self._around.proxies, **dict(execute.env), **self._own.env},
            "cwd": execute.workdir,
            "user": execute.user,
            "groups": [],
            "capabilities": kept,
            "no_new_privs": False,
            "rlimits": privileges.rlimits(self._around.ulimits, own),
            "oom_score_adj": 0,
            "seccomp": Filters().write(self._live, UNCONFINED if privileged else "", kept),
        }

    @property
    def _mode(self) -> str:
        """`default` is what the stack file says."""
        asked = self._order.execute.network
        return self._around.network or asked if asked == "default" else asked

    def _network(self) -> str:
        """`default` is the host's own."""
        mode = self._mode
        if mode == "none":
            pin = os.path.join(self._live, "netns")
            namespace.prepare(pin, resolver=False)
            self._closing.callback(namespace.discard, pin)
            return pin
        if mode in ("default", "host", "bridge"):
            return "host"
        raise Unsupported(f'a build cannot use the network "{mode}"', subject=mode, hint="default, host or none")

    def _root(self, name: str, privileged: bool) -> RootPlan:
        merged = os.path.join(self._live, "merged")
        files.make_dir(merged)
        hosts = self._etc()
        stubs = self._stubs([*hosts, *self._own.mounts, *self._own.files, *self._own.nested])
        work = os.path.join(self._order.scratch, "work")
        os.mkdir(work, 0o700)
        return RootPlan(
            layers=Layers((stubs, *self._order.lowers), self._order.upper, work),
            merged=merged,
            nested=self._own.nested,
            mounts=self._own.mounts,
            images=self._own.images,
            files=self._own.files,
            etc=hosts,
            devices=devices.host_devices() if privileged else devices.default_devices(),
            cgroups=self._groups.inside(STACK, name),
            hostname="buildkitsandbox",
            shm_size=self._around.shm_size,
            own_network=self._mode == "none",
            confined=not privileged,
            privileged=privileged,
        )

    def _etc(self) -> dict[str, str]:
        resolv = (files.read_bytes("/etc/resolv.conf") or b"").decode(errors="replace")
        hosts = etc.hosts_text("buildkitsandbox", (), extra_hosts=dict(self._around.extra_hosts), host_gateway="")
        return {
            "/etc/hosts": self._own.written(hosts.encode(), 0o644),
            "/etc/resolv.conf": self._own.written(resolv.encode(), 0o644),
        }

    def _stubs(self, targets: list[str]) -> str:
        """A layer with every place that a mount needs and the image has not got, made through an overlay, so that the
        folders on the way keep their owners and modes.
        """
        stubs, work = (os.path.join(self._order.scratch, part) for part in ("stubs", "stubs-work"))
        for folder in (stubs, work):
            os.mkdir(folder, 0o755)
        if not self._order.lowers:
            root = os.open(stubs, os.O_RDONLY | os.O_DIRECTORY)
        else:
            root = new_overlay(list(self._order.lowers), stubs, work)
        try:
            for target in _SYSTEM:
                os.close(system_place(root, target))
            for target in targets:
                if not target.startswith(tuple(f"{place}/" for place in _SYSTEM)):
                    os.close(make_beneath(root, target, os.O_DIRECTORY if self._own.is_folder(target) else 0))
        finally:
            os.close(root)
        return stubs
