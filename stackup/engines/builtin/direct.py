"""Direct calls on this machine's containers: they look, or talk to one monitor. Hot: everything dear is loaded late."""

from __future__ import annotations

import os
import time

from stackup.engines.builtin import inside, rows
from stackup.errors import StackupError
from stackup.runtime import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from stackup.engines.engine import AttachRequest, Container, ExecRequest, Root
    from stackup.layout import Layout
    from stackup.runtime.description import Happening, Usage
    from stackup.runtime.spec import Attachment

    Line = tuple[int, str, bytes]


class BuiltinDirect:
    """Implements `engine.Direct`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def containers(self, stack: str) -> list[Container]:
        return rows.rows(self._layout, stack)

    def stacks(self) -> list[str]:
        return rows.stacks(self._layout)

    def _state_dir(self, container: Container) -> str:
        return self._layout.address_dir(container["stack"], "container", _directory(container))

    def _live_dir(self, container: Container) -> str:
        return self._layout.live_dir(container["stack"], "container", _directory(container))

    def logs(
        self, container: Container, *, tail: int | None, since: float, until: float, follow: bool
    ) -> Iterator[Line]:
        from stackup.runtime import logs

        folder = self._state_dir(container)
        last = time.time_ns() if tail == 0 else int(since * 10**9) - 1
        bounds = {"since": int(since * 10**9), "until": int(until * 10**9)}
        for at, stream, data in _whole(logs.read(folder, tail=-1 if tail is None else tail, **bounds)):
            last = at
            yield at, stream, data
        if follow:
            # What was there before the first look is told above; a log's own times order it.
            news = (entry for _, entries in logs.Follow([folder]) for entry in entries if entry[0] > last)
            yield from _whole(entry for entry in news if not until or entry[0] <= until * 10**9)

    def events(self, stack: str, *, since: float, until: float, follow: bool) -> Iterator[Happening]:
        from stackup.runtime import chronicle

        told = chronicle.coming if follow else chronicle.past
        return told(self._layout.events_dir(stack), since=int(since * 10**9), until=int(until * 10**9))

    def exec(self, container: Container, request: ExecRequest) -> int:
        from stackup.runtime.client import Client
        from stackup.runtime.exec import Streams, run_exec, start_exec

        client = Client(self._live_dir(container))
        process = inside.process(record.read(self._state_dir(container)) or {}, request)
        if request.get("detach"):
            start_exec(client, process)
            return 0
        streams = Streams(stdin=0 if request.get("interactive") else -1)
        return run_exec(client, process, streams, tty=bool(request.get("tty")))

    def attach(self, container: Container, request: AttachRequest) -> int:
        from stackup.runtime.client import Client
        from stackup.runtime.exec import DETACH_KEYS, Streams, attach

        return attach(
            Client(self._live_dir(container)),
            Streams(stdin=0 if request.get("stdin", True) else -1),
            once=request.get("once", False),
            detach_keys=request.get("detach_keys") or DETACH_KEYS,
            proxy=request.get("proxy", True),
        )

    def kill(self, containers: Sequence[Container], signal: str) -> Iterator[tuple[Container, StackupError | None]]:
        from stackup.runtime.client import MonitorGone

        for container, problem in self._ask(containers, {"do": "kill", "signal": signal}):
            dead = signal == "SIGKILL" and isinstance(problem, MonitorGone)
            yield container, None if dead else problem

    def pause(
        self, containers: Sequence[Container], *, paused: bool
    ) -> Iterator[tuple[Container, StackupError | None]]:
        return self._ask(containers, {"do": "pause" if paused else "unpause"})

    def _ask(
        self, containers: Sequence[Container], message: dict[str, str]
    ) -> Iterator[tuple[Container, StackupError | None]]:
        from stackup.runtime.client import ANSWER_S, Client, ask_all

        named = {container["instance"]: container for container in containers}
        asked = {key: (Client(self._live_dir(container)), message) for key, container in named.items()}
        for key, answer in ask_all(asked, limit_s=ANSWER_S):
            yield named[key], answer if isinstance(answer, StackupError) else None

    def watch(self, container: Container) -> Iterator[Container]:
        from stackup.runtime.client import Client, MonitorGone

        folder = self._state_dir(container)
        claim = record.read(folder)
        if claim is None:
            return
        try:
            for status in Client(self._live_dir(container)).watch():
                yield rows.row(claim, status)
        except MonitorGone:
            pass  # its status file has the last word, which follows
        yield rows.row(claim, record.observe_status(folder))

    def networks(self) -> list[dict[str, Any]]:
        from stackup.engines.builtin.by_hand import networks

        return networks(self._layout)

    def connect(self, container: Container, network: str, place: Attachment, links: Mapping[str, str]) -> None:
        from stackup.engines.builtin.by_hand import ByHand

        ByHand(self._layout, container).connect(network, place, links)

    def disconnect(self, container: Container, network: str, *, force: bool) -> None:
        from stackup.engines.builtin.by_hand import ByHand

        ByHand(self._layout, container).disconnect(network, force=force)

    def volumes(self) -> list[dict[str, Any]]:
        from stackup.engines.builtin.volume_rows import volumes

        return volumes(self._layout)

    def volume(self, volume: Mapping[str, Any]) -> AbstractContextManager[int]:
        from stackup.engines.builtin.volume_rows import opened

        return opened(volume)

    def processes(self, container: Container) -> list[dict[str, str]]:
        from stackup.engines.builtin.processes import processes

        claim = record.read(self._state_dir(container)) or {"given": {}}
        return processes(claim["given"].get("cgroups", []))

    def usage(self, container: Container) -> Usage:
        from stackup.runtime import usage

        claim = record.read(self._state_dir(container)) or {"given": {}}
        if not container["pid"]:
            return usage.nothing()
        return usage.read(claim["given"].get("cgroups", []), container["pid"])

    def root(self, container: Container) -> AbstractContextManager[Root]:
        from stackup.engines.builtin import opened

        return opened.root(self._layout, container["stack"], _directory(container))

    def owner(self, container: Container, root: Root) -> tuple[int, int]:
        from stackup.engines.builtin import opened

        claim = record.read(self._state_dir(container)) or {"given": {}}
        process = claim["given"].get("process")
        return opened.owner(root, process) if process else (root.base, root.base)

    def changes(self, container: Container, *, pause: bool) -> AbstractContextManager[int]:
        from stackup.engines.builtin import opened

        return opened.changes(self._layout, container["stack"], _directory(container), pause=pause)


def _directory(container: Container) -> str:
    """`web-2` of `container/web#2`; as `Address.directory` says."""
    name, _, index = container["address"].partition("/")[2].rpartition("#")
    return f"{name}-{index}" if name else index


def _whole(entries: Iterable[tuple[int, bytes, bytes]]) -> Iterator[Line]:
    """Whole lines without their ends: a line longer than a record was written in parts."""
    parts: dict[bytes, bytes] = {}
    for at, stream, data in entries:
        text = parts.pop(stream, b"") + data
        if text.endswith(b"\n"):
            yield at, stream.decode(), text[:-1]
        elif len(text) > os.sysconf("SC_PAGE_SIZE") * 256:
            yield at, stream.decode(), text
        else:
            parts[stream] = text
