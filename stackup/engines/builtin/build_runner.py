"""What a build needs of this machine: layers joined by the kernel, and RUN in a container of our own runtime.

Nothing that is mounted leaves a trace in a layer (T27, T28): places that the image lacks are made beforehand in a layer
of their own, which lies beneath the new one and is thrown away. Secrets are on the tmpfs that every container's secrets
are on; no record of a build is written anywhere.
"""

from __future__ import annotations

import os
import select
from contextlib import ExitStack
from typing import Any

from stackup.engines.builtin.build_mounts import BuildMounts, Surroundings
from stackup.engines.builtin.build_site import STACK, Site
from stackup.engines.builtin.powers import powers
from stackup.errors import HostError, StackupError, Unsupported
from stackup.images.build.execution import SCRIPTS, Execute
from stackup.images.build.solve import Order
from stackup.kernel import files
from stackup.layout import NETNS, Layout
from stackup.runtime import devices, privileges
from stackup.runtime.client import Client, MonitorGone
from stackup.runtime.description import Description, Process
from stackup.runtime.launch import Launcher
from stackup.runtime.network import container as namespace
from stackup.runtime.network import etc, names
from stackup.runtime.places import make_beneath, system_place
from stackup.runtime.rootfs import Layers, RootPlan, operations
from stackup.runtime.seccomp.filters import UNCONFINED, Filters
from stackup.runtime.trees import layers_tree, new_overlay
from stackup.values import Address

_SYSTEM = ("/proc", "/sys", "/dev")
_LONGEST_LINE = 1 << 16


class BuildRunner:
    """Implements `solve.Runner`; to be closed."""

    def __init__(self, layout: Layout, surroundings: Surroundings) -> None:
        self._layout = layout
        self._around = surroundings
        self._launcher = Launcher()
        self._site = Site(layout)
        self._stopped = False
        self._running: set[str] = set()

    def stop(self) -> None:
        self._stopped = True
        for name in list(self._running):
            self._site.kill(name)

    def close(self) -> None:
        self._launcher.close()
        self._site.close()

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
            live = self._site.step(name, closing)
            running = _Run(self._layout, self._around, order, live, self._site, closing)
            description = running.description(name)
            self._running.add(name)
            closing.callback(self._running.discard, name)
            if self._stopped:
                raise HostError("the build was stopped")
            (answer,) = self._launcher.launch([description])
            if isinstance(answer[1], StackupError):
                raise answer[1]
            return _attended(Client(live), order)


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
        self, layout: Layout, around: Surroundings, order: Order, live: str, site: Site, closing: ExitStack
    ) -> None:
        self._layout = layout
        self._around = around
        self._order = order
        self._live = live
        self._site = site
        self._closing = closing
        self._own = BuildMounts(layout, around, order, live, closing)
        self._net = self._mode()
        self._bridged = self._net in ("default", "bridge")
        self._gateway = ""
        self._resolver: dict[str, object] | None = None

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
        net = self._network(name)
        return {
            "stack": STACK,
            "address": str(Address("container", name)),
            "name": "RUN",
            "instance": name,
            "state_dir": self._live,
            "live_dir": self._live,
            "namespaces": {"net": net, "pid": "", "ipc": "", "uts": "", "cgroup": ""},
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
            "resolver": self._resolver,
        }

    def _cgroups(self, name: str) -> list[str]:
        nothing: Any = {
            "memory": self._around.memory, "memory_reservation": 0, "memory_swap": 0, "cpus": 0.0, "cpu_shares": 0,
            "cpu_quota": 0, "cpu_period": 0, "cpuset": "", "pids": 0,
        }  # fmt: skip
        return self._site.groups(name, nothing if self._around.memory else None, self._closing)

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

    def _mode(self) -> str:
        """`default` is what the stack file says; the host's own network has to be allowed there."""
        asked = self._order.execute.network
        if asked == "host" and not self._around.host_network:
            hint = "give the build the entitlement network.host, or `network: host`"
            raise Unsupported("RUN --network=host is not allowed", subject="--network", hint=hint)
        mode = self._around.network if asked == "default" else asked
        if mode not in ("default", "bridge", "host", "none"):
            raise Unsupported(f'a build cannot use the network "{mode}"', subject=mode, hint="default, host or none")
        return mode

    def _network(self, name: str) -> str:
        """A namespace of its own, and a place on the build's network unless it wants none."""
        if self._net == "host":
            return "host"
        pin = os.path.join(self._live, NETNS)
        namespace.prepare(pin, resolver=self._bridged)
        self._closing.callback(namespace.discard, pin)
        if self._bridged:
            self._gateway = self._site.join(pin, name)
            self._resolver = dict(names.arguments(pin, [], internal=False))
        return pin

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
            cgroups=self._site.inside(name),
            hostname="buildkitsandbox",
            shm_size=self._around.shm_size,
            own_network=self._net != "host",
            confined=not privileged,
            privileged=privileged,
        )

    def _etc(self) -> dict[str, str]:
        resolv = (files.read_bytes("/etc/resolv.conf") or b"").decode(errors="replace")
        if self._bridged:
            resolv = etc.resolv_text(search=etc.search_of(resolv))
        around = dict(self._around.extra_hosts)
        hosts = etc.hosts_text("buildkitsandbox", (), extra_hosts=around, host_gateway=self._gateway)
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
