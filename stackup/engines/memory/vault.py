"""The store of secrets and configs in memory: what `builtin.vault` promises, on a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from stackup.errors import HostError, UsageError

if TYPE_CHECKING:
    from stackup.engines.engine import Stored


class MemoryVault:
    """Implements `engine.Vault`; nobody uses what is in it."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[Stored, bytes]] = {}

    def all(self, kind: str) -> list[Stored]:
        return [row for (its, _), (row, _) in sorted(self._held.items()) if its == kind]

    def find(self, kind: str, name: str) -> Stored | None:
        return self._held[kind, name][0] if (kind, name) in self._held else None

    def content(self, kind: str, name: str) -> bytes:
        if (kind, name) not in self._held:
            raise HostError(f'there is no {kind} "{name}" on this host', subject=name)
        return self._held[kind, name][1]

    def create(self, kind: str, name: str, data: bytes, labels: Mapping[str, str], *, replace: bool) -> Stored:
        if (kind, name) in self._held and not replace:
            raise UsageError(f"{kind} {name} already exists", subject=name)
        row: Stored = {
            "id": f"{kind}-{name}",
            "name": name,
            "labels": dict(labels),
            "created_at": 0.0,
            "updated_at": 0.0,
            "digest": sha256(data).hexdigest(),
        }
        self._held[kind, name] = row, data
        return row

    def remove(self, kind: str, name: str) -> None:
        self._held.pop((kind, name), None)
