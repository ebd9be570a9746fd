"""Secrets and configs that belong to no stack: each a sealed file, found by what `external` names.

Who reads the disk learns names, labels and times. A name is taken until it is removed, and what a stack uses stays.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from stackup.engines.builtin.records import Shelf
from stackup.engines.engine import Stored
from stackup.errors import HostError, UsageError
from stackup.kernel import files, keyfile
from stackup.layout import Layout
from stackup.values import new_instance

FORMAT = 1
_KEYS = {"id", "created_at", "updated_at", "name", "labels", "digest", "sealed"}
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?\Z")


class Vault:
    """Implements `engine.Vault`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def all(self, kind: str) -> list[Stored]:
        names = (name.removesuffix(".json") for name in files.list_dir(self._layout.vault_dir(kind)))
        return [_told(found) for name in names if (found := self._entry(kind, name))]

    def find(self, kind: str, name: str) -> Stored | None:
        found = self._entry(kind, name)
        return _told(found) if found else None

    def content(self, kind: str, name: str) -> bytes:
        from stackup.kernel import sealing  # PyNaCl: only for who opens something

        found = self._entry(kind, name)
        if found is None:
            hint = f"`stackup {kind} create {name} FILE` makes it"
            raise HostError(f'there is no {kind} "{name}" on this host', subject=name, hint=hint)
        return sealing.opened(keyfile.need(self._layout.key_file), found["sealed"], f"{kind} {name}")

    def create(self, kind: str, name: str, data: bytes, labels: Mapping[str, str], *, replace: bool) -> Stored:
        from stackup.kernel import sealing

        if not _NAME.match(name):
            hint = "1 to 64 letters, digits, dots, - and _, the first and last a letter or digit"
            raise UsageError(f'"{name}" cannot be the name of a {kind}', subject=name, hint=hint)
        key, now = keyfile.need(self._layout.key_file), time.time()
        with self._lock(f"stackup {kind} create"):
            before = self._entry(kind, name)
            if before and not replace:
                hint = f"remove it, or give it other bytes with --replace; see `stackup {kind} ls`"
                raise UsageError(f"{kind} {name} already exists", subject=name, hint=hint)
            entry = {
                "format": FORMAT,
                "id": before["id"] if before else new_instance(),
                "created_at": before["created_at"] if before else now,
                "updated_at": now,
                "name": name,
                "labels": dict(labels) or (before["labels"] if before else {}),
                "digest": keyfile.fingerprint(key, data),
                "sealed": sealing.seal(key, data, f"{kind} {name}"),
            }
            files.make_dir(self._layout.vault_dir(kind))
            files.write_json(self._file(kind, name), entry)
        return _told(entry)

    def remove(self, kind: str, name: str) -> None:
        """Raises UsageError while a stack uses it."""
        with self._lock(f"stackup {kind} rm"):
            users = self._users(kind, name)
            if users:
                hint = f"bring these down first: {', '.join(f'stackup -p {user} down' for user in users)}"
                raise UsageError(f"{kind} {name} is in use by {', '.join(users)}", subject=name, hint=hint)
            folder = self._layout.vault_dir(kind)
            if files.remove(self._file(kind, name)):
                files.sync_dir(folder)
            with suppress(OSError):  # not empty
                os.rmdir(folder)
                os.rmdir(os.path.dirname(folder))

    def _users(self, kind: str, name: str) -> list[str]:
        """Stacks with a record that rests on it."""
        source, users = f"external:{name}", []
        for stack in files.list_dir(self._layout.stacks_dir):
            records = Shelf(self._layout, stack, kind).all()
            users += [stack] if any(record["spec"].get("source") == source for _, record in records) else []
        return users

    def _lock(self, purpose: str) -> files.Lock:
        return files.Lock(os.path.join(self._layout.state, "locks", "@vault"), purpose, waiting=_wait)

    def _file(self, kind: str, name: str) -> str:
        return os.path.join(self._layout.vault_dir(kind), f"{name}.json")

    def _entry(self, kind: str, name: str) -> dict[str, Any] | None:
        """A name comes from a stack file too, and must not lead anywhere else."""
        found = files.read_json(self._file(kind, name)) if _NAME.match(name) else None
        whole = isinstance(found, dict) and found.get("format") == FORMAT and found.keys() >= _KEYS
        return found if whole else None


def _told(entry: dict[str, Any]) -> Stored:
    return {
        "id": entry["id"],
        "name": entry["name"],
        "labels": entry["labels"],
        "created_at": entry["created_at"],
        "updated_at": entry["updated_at"],
        "digest": entry["digest"],
    }


def _wait(_: str) -> None:
    return None
