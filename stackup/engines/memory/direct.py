"""Direct calls on a World: containers made of what the kinds have put there, and lines written by hand."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from stackup.engines.engine import Root
from stackup.errors import Unsupported
from stackup.reconcile.resource import Observed, Run, Until

if TYPE_CHECKING:
    from stackup.engines.engine import AttachRequest, Container, ExecRequest, PublishedPort
    from stackup.engines.memory.world import World
    from stackup.errors import StackupError
    from stackup.runtime.description import Happening, Usage
    from stackup.runtime.spec import Attachment

MADE_AT = 1_700_000_000.0
"""Nothing in memory has an age; a fixed moment keeps golden texts golden."""


class MemoryDirect:
    def __init__(self, world: World) -> None:
        self._world = world

    def containers(self, stack: str) -> list[Container]:
        found = [seen for seen in self._world.stack(stack).values() if seen.address.kind == "container"]
        rows = [self._row(stack, seen) for seen in found]
        return sorted(rows, key=lambda row: (row["transient"], row["service"], row["index"], row["name"]))

    def stacks(self) -> list[str]:
        return sorted(name for name, things in self._world.things.items() if things)

    def _row(self, stack: str, seen: Observed) -> Container:
        spec = cast("dict[str, Any]", seen.recorded)
        alive, done = seen.run is Run.RUNNING, Until.COMPLETED in seen.reached
        ended = done or seen.instance in self._world.exits
        return {
            "stack": stack,
            "service": str(spec.get("service", seen.address.name)),
            "index": seen.address.index,
            "name": str(spec.get("name", f"{stack}-{seen.address.name}-{seen.address.index}")),
            "address": str(seen.address),
            "instance": seen.instance,
            "image": str(spec.get("image_name", spec.get("image", ""))),
            "image_id": str(spec.get("image", "")),
            "root": str(spec.get("image", "")),
            "command": " ".join(spec.get("command") or ()),
            "state": "running" if alive else "exited" if ended else "created",
            "health": "healthy" if alive and spec.get("health") and Until.HEALTHY in seen.reached else "",
            "exit_code": self._world.exits.get(seen.instance, 0),
            "error": "",
            "warning": "",
            "oom": False,
            "oom_reason": "",
            "restarts": 0,
            "pid": 1 if alive else 0,
            "created_at": MADE_AT,
            "started_at": MADE_AT if alive or ended else 0.0,
            "finished_at": MADE_AT if ended and not alive else 0.0,
            "ports": _ports(spec) if alive else [],
            "networks": dict.fromkeys((f"{stack}_{name}" for name in spec.get("networks", ())), "10.0.0.2"),
            "mounts": [str(mount.get("source")) for mount in spec.get("mounts", {}).values()],
            "labels": dict(spec.get("labels", {})),
            "keeps": [],
            "transient": seen.transient,
            "stopped": not alive and self._world.exits.get(seen.instance) == 0 and not done,
            "probe": "",
            "tty": bool(spec.get("tty", False)),
        }

    def logs(
        self, container: Container, *, tail: int | None, since: float, until: float, follow: bool
    ) -> Iterator[tuple[int, str, bytes]]:
        """`follow` ends when the container does not run any more and everything was told."""
        lines = self._world.logs.setdefault(container["instance"], [])
        at = max(0, len(lines) - tail) if tail is not None else 0
        while True:
            for line in lines[at:]:
                at += 1
                if line[0] >= since * 1e9 and (not until or line[0] <= until * 1e9):
                    yield line
            if not follow:
                return
            with self._world.changed:
                if len(lines) > at:
                    continue
                if not self._now(container)["pid"]:
                    return
                self._world.changed.wait(10)

    def events(self, stack: str, *, since: float, until: float, follow: bool) -> Iterator[Happening]:
        told, now = self._world.happened.setdefault(stack, []), time.time_ns()
        end = int(until * 1e9) if until or follow else now
        at = len(told) if follow and not since else 0
        while True:
            for one in told[at:]:
                at += 1
                if since * 1e9 <= one["at"] and (not end or one["at"] <= end):
                    yield one
            left = (end - time.time_ns()) / 1e9 if end else 10.0
            if left <= 0:
                return
            with self._world.changed:
                if len(told) == at:
                    self._world.changed.wait(left)

    def exec(self, container: Container, request: ExecRequest) -> int:
        """A number as the last word is the exit code."""
        self._world.executed.append((container["name"], request))
        last = request["argv"][-1]
        return int(last) if last.isdigit() else 0

    def attach(self, container: Container, request: AttachRequest) -> int:
        for seen in self.watch(container):
            if not seen["pid"]:
                return seen["exit_code"]
        return 0

    def kill(self, containers: Sequence[Container], signal: str) -> Iterator[tuple[Container, StackupError | None]]:
        for container in containers:
            with self._world.changed:
                self._world.signals.append((container["name"], signal))
                self._world.changed.notify_all()
            yield container, None

    def networks(self) -> list[dict[str, Any]]:
        return []

    def volumes(self) -> list[dict[str, Any]]:
        return [
            _volume(stack, seen)
            for stack, things in self._world.things.items()
            for seen in things.values()
            if seen.address.kind == "volume" and not seen.recorded.get("external")
        ]

    def volume(self, volume: Mapping[str, Any]) -> AbstractContextManager[int]:
        raise Unsupported(f'"{volume["name"]}" is in memory only and has no files', subject=str(volume["name"]))

    def connect(self, container: Container, network: str, place: Attachment, links: Mapping[str, str]) -> None:
        raise Unsupported("networks in memory take nobody by hand", subject=network)

    def disconnect(self, container: Container, network: str, *, force: bool) -> None:
        raise Unsupported("networks in memory take nobody by hand", subject=network)

    def pause(
        self, containers: Sequence[Container], *, paused: bool
    ) -> Iterator[tuple[Container, StackupError | None]]:
        return self.kill(containers, "pause" if paused else "unpause")

    def watch(self, container: Container) -> Iterator[Container]:
        last: Container | None = None
        while True:
            with self._world.changed:
                now = self._now(container)
                if now == last:
                    self._world.changed.wait(10)
                    continue
            last = now
            yield now
            if now["state"] in ("exited", "dead"):
                return

    def processes(self, container: Container) -> list[dict[str, str]]:
        words = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME")
        return [{**dict.fromkeys(words, "0"), "CMD": container["command"]}]

    def usage(self, container: Container) -> Usage:
        names = ("at", "cpu", "memory", "memory_limit", "received", "sent", "read", "written", "pids")
        return {**dict.fromkeys(names, 0), "pressure": {}}  # type: ignore[typeddict-item]

    @contextmanager
    def root(self, container: Container) -> Iterator[Root]:
        """A folder that somebody gave it; by itself a container in memory has no files."""
        with self.changes(container, pause=False) as fd:
            yield Root(fd)

    def owner(self, container: Container, root: Root) -> tuple[int, int]:
        return os.geteuid(), os.getegid()

    @contextmanager
    def changes(self, container: Container, *, pause: bool) -> Iterator[int]:
        """All of its files are its own."""
        folder = self._world.roots.get(container["name"])
        if folder is None:
            raise Unsupported(f'"{container["name"]}" is in memory only and has no files', subject=container["name"])
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)

    def _now(self, container: Container) -> Container:
        for row in self.containers(container["stack"]):
            if row["instance"] == container["instance"]:
                return row
        return {**container, "state": "exited", "pid": 0}


def _volume(stack: str, seen: Observed) -> dict[str, Any]:
    spec = seen.recorded
    return {
        **{key: spec.get(key, "") for key in ("name", "driver")},
        **{key: spec.get(key, {}) for key in ("labels",)},
        "stack": stack, "key": seen.address.name, "options": spec.get("driver_opts", {}), "anonymous": False,
        "created_at": MADE_AT, "mountpoint": "", "users": [],
    }  # fmt: skip


def _ports(spec: dict[str, Any]) -> list[PublishedPort]:
    return [
        {
            "host_ip": port["host_ip"],
            "host_port": int(port["published"] or 32768),
            "target": port["target"],
            "protocol": port["protocol"],
        }
        for port in spec.get("ports", {}).values()
    ]
