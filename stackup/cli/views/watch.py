"""What a watch tells: a line when work begins or something is to be known of its end, as docker compose has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stackup.project.watch import Begun, Done

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.cli.terminal import Terminal
    from stackup.project.watching.rules import Rule

MARK = " ⦿ "
BEGUN = {
    "sync": 'Syncing service "{}"',
    "rebuild": 'Rebuilding service "{}"',
    "restart": 'Restarting service "{}"',
    "exec": 'Running the program of service "{}"',
}
DONE = {"rebuild": 'service "{}" successfully built', "restart": 'service "{}" restarted'}


class WatchView:
    """`mode`: `quiet` leaves errors to be told alone, `json` is a line an event."""

    def __init__(self, terminal: Terminal, mode: str) -> None:
        self._terminal = terminal
        self._mode = mode

    def enabled(self, rules: Sequence[Rule]) -> None:
        services = list(dict.fromkeys(rule.service for rule in rules))
        self._say("Watch enabled", {"event": "WatchEnabled", "services": services})

    def __call__(self, event: Begun | Done) -> None:
        if isinstance(event, Begun):
            row = {"event": "WatchBegun", "service": event.service, "doing": event.doing, "changes": event.changes}
            self._say(f"{BEGUN[event.doing].format(event.service)} after {_counted(event.changes)}", row)
            return
        row = {"event": "WatchDone", "service": event.service, "doing": event.doing, "code": event.code}
        text = DONE.get(event.doing, "").format(event.service)
        if event.code:
            text = f'the program of service "{event.service}" exited with code {event.code}'
        self._say(text, row)

    def _say(self, text: str, row: dict[str, object]) -> None:
        if self._mode == "json":
            self._terminal.say(json.dumps(row))
        elif self._mode != "quiet" and text:
            self._terminal.say(MARK + text)


def _counted(changes: int) -> str:
    return f"{changes} change{'s were' if changes != 1 else ' was'} detected"
