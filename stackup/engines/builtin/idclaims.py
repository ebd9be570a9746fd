"""The user ids that this machine's containers have, so that no two share one: a range each, kept as long as its record.

One file, `RUN/users.json`, changed only under a lock. It does not survive a reboot: the records do, and it is made of
them again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from stackup.engines.builtin.records import Shelf
from stackup.kernel import files, proc
from stackup.layout import RECORD, Layout
from stackup.runtime import idranges
from stackup.values import Address

KEY = "users"
"""Where a record's `given` has the first id of its range."""


class Claims:
    """Of one state root. What other programs have is looked at once a command."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def take(self, stack: str, address: Address) -> int:
        """The first id of the container's range: the one that it has, or a free one."""
        key = f"{stack} {address}"
        with self._changing() as claims:
            if key not in claims:
                for gone in [one for one in claims if not self._is_there(one)]:
                    del claims[gone]
                claims[key] = idranges.choose(self._pool, claims.values(), self._used)
            return claims[key]

    def release(self, stack: str, address: Address) -> None:
        with self._changing() as claims:
            claims.pop(f"{stack} {address}", None)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, int]]:
        file = os.path.join(self._layout.run, "users.json")
        with files.Lock(os.path.join(self._layout.run, "host.lock"), "choosing users", waiting=lambda _holder: None):
            claims: dict[str, int] | None = files.read_json(file)
            claims = dict(self._recorded()) if claims is None else claims
            yield claims
            if claims:
                files.write_json(file, claims, durable=False)
            else:
                files.remove(file)
                files.remove_asides(file)

    def _recorded(self) -> Iterator[tuple[str, int]]:
        for stack in files.list_dir(self._layout.stacks_dir):
            for address, found in Shelf(self._layout, stack, "container").all():
                if KEY in found["given"]:
                    yield f"{stack} {address}", found["given"][KEY]

    def _is_there(self, key: str) -> bool:
        stack, _, address = key.partition(" ")
        folder = self._layout.address_dir(stack, "container", Address.parse(address).directory)
        return os.path.exists(os.path.join(folder, RECORD))

    @cached_property
    def _pool(self) -> idranges.Pool:
        return idranges.pool(proc.read("/etc/subuid") or "", proc.read("/etc/subgid") or "")

    @cached_property
    def _used(self) -> list[idranges.Span]:
        """By users of the machine, and by namespaces that somebody runs in: another engine's, another state root's."""
        maps = {proc.read(f"/proc/{pid}/uid_map") or "" for pid in os.listdir("/proc") if pid.isdecimal()}
        spans = (span for text in maps for span in idranges.mapped(text))
        return [*idranges.users(proc.read("/etc/passwd") or ""), *spans]
