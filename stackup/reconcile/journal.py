"""The history of a stack, one JSON line an entry, appended and never rewritten: what `why` reads and a crash leaves.

An entry says that steps began, how one ended, or what a plan changed and for which reasons. A torn last line, left by a
kill, is skipped. Besides `apply` this is the only module of the waist that writes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

from stackup.errors import HostError, StackupError
from stackup.reconcile.diff import ABSENT
from stackup.reconcile.plan import Change, Plan, Step

KEEP_BYTES = 4 << 20
"""Past this the journal begins anew and the full one stays beside it as `.1`."""


class Journal:
    """Opened by a writer that holds the stack's lock; `command` is what the user typed."""

    def __init__(self, path: str, command: str) -> None:
        self.path = path
        self.command = command
        try:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            self._turn()
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise _failed(problem, path) from problem

    def _turn(self) -> None:
        try:
            if os.stat(self.path).st_size > KEEP_BYTES:
                os.rename(self.path, f"{self.path}.1")
        except FileNotFoundError:
            return

    def close(self) -> None:
        os.close(self._fd)

    def plan(self, plan: Plan) -> None:
        """Before the first step: what will change and why."""
        changes = [_change(change) for change in plan.changes if not change.idle]
        self._write({"entry": "plan", "command": self.command, "changes": changes})

    def begin(self, steps: Sequence[Step]) -> None:
        self._write({"entry": "begin", "steps": [[step.id, step.verb.value, str(step.address)] for step in steps]})

    def end(self, step: Step, error: StackupError | None) -> None:
        entry: dict[str, Any] = {"entry": "end", "step": step.id, "verb": step.verb.value, "address": str(step.address)}
        if error:
            entry["error"] = error.message
        self._write(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        """One write a line: O_APPEND keeps lines whole, and a killed writer can tear the last one only."""
        line = json.dumps({"at": time.time(), **entry}, separators=(",", ":"), ensure_ascii=False) + "\n"
        try:
            os.write(self._fd, line.encode())
        except OSError as problem:
            raise _failed(problem, self.path) from problem


def _failed(problem: OSError, path: str) -> HostError:
    reason = (problem.strerror or str(problem)).lower()
    return HostError(
        f'cannot write the journal "{path}": {reason}', subject=path, hint="free some space, or run as root"
    )


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "motion": change.motion.value,
        "reasons": [str(reason) for reason in change.reasons],
        "diffs": [
            {
                "path": list(item.path),
                "from": None if item.recorded == ABSENT else item.recorded,
                "to": None if item.wanted == ABSENT else item.wanted,
                "effect": item.effect.value,
                "why": item.why,
                "place": item.span.place if item.span else "",
            }
            for item in change.diffs
        ],
    }


def entries(path: str) -> Iterator[dict[str, Any]]:
    """Every whole entry, oldest first."""
    for name in (f"{path}.1", path):
        try:
            with open(name, encoding="utf-8", errors="replace") as file:
                yield from filter(None, map(_entry, file))
        except (FileNotFoundError, NotADirectoryError):
            continue


def _entry(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
