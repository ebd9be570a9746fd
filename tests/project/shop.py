"""A shop in a folder of its own, on a host in memory: what a test of a use case begins with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackup.engines.memory.host import MemoryHost
from stackup.events import Event
from stackup.layout import Layout
from stackup.project.session import Session, Where
from stackup.reconcile.resource import Observed, Run
from stackup.values import Address

SHOP = """\
name: shop
services:
  db:
    image: postgres:16
    volumes: ["data:/data"]
    healthcheck: {test: [CMD, "true"]}
  web:
    image: nginx
    ports: ["8080:80"]
    depends_on: {db: {condition: service_healthy}}
    mem_limit: 512m
volumes: {data: {}}
"""


class Shop:
    """The folder, the host, and sessions on both."""

    def __init__(self, folder: Path, text: str = SHOP, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environ = dict(environ or {})
        self.layout = Layout(str(folder / "state"), str(folder / "live"))
        self.host = MemoryHost(self.environ)
        self.events: list[Event] = []
        self.warnings: list[dict[str, Any]] = []
        self.write(text)

    def write(self, text: str, name: str = "stack.yaml") -> None:
        """Also moves the time stamp, as an editor's second save in one clock tick would not."""
        path = self.folder / name
        before = path.stat().st_mtime_ns if path.exists() else 0
        path.write_text(text)
        if path.stat().st_mtime_ns <= before:
            os.utime(path, ns=(before + 1, before + 1))

    def session(self, **rest: Any) -> Session:
        where = Where(str(self.folder), self.environ, **{k: rest.pop(k) for k in list(rest) if k in Where.__slots__})
        rest.setdefault("sink", self.events.append)
        rest.setdefault("warn", self.warnings.append)
        return Session(self.layout, where, self.host, command="stackup test", **rest)

    @property
    def things(self) -> dict[Address, Observed]:
        return self.host.world.stack("shop")

    def running(self) -> list[str]:
        return [str(a) for a, seen in sorted(self.things.items()) if seen.run is Run.RUNNING]

    def there(self) -> list[str]:
        return [str(address) for address in sorted(self.things)]
