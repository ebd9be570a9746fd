"""The history of a resource and what is to come, as prose and as JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stackup.cli.terminal import BOLD, FAINT
from stackup.cli.views.plan import as_data
from stackup.cli.views.tables import own_json
from stackup.cli.views.values import name, transition
from stackup.reconcile.plan import Change, Plan

if TYPE_CHECKING:
    from stackup.cli.terminal import Terminal

WORDS = {"+": "created", "~": "changed", "±": "recreated", "-": "removed", "=": ""}
MOTIONS = {"start": "started", "stop": "stopped", "restart": "restarted", "none": ""}


def show(terminal: Terminal, changes: list[Change], past: list[dict[str, Any]]) -> None:
    """Oldest first, so that what matters now stands above the prompt."""
    for entry in past:
        _past(terminal, entry)
    for change in changes:
        terminal.print(terminal.paint(f"now  {change.address}", BOLD) + f": {_now(change)}")
        for reason in change.reasons:
            place = f"  {reason.span.place}" if reason.span else ""
            terminal.print(f"     because {reason}{place}")


def _now(change: Change) -> str:
    if not change.idle:
        motion = f", {change.motion.value}" if change.motion.value != "none" else ""
        return f"a plan would {change.action.name.lower()} it{motion}"
    if change.observed is None:
        return "it is not there, and not wanted now"
    if change.desired is None:
        return "it is there, the file does not want it, and it is kept"
    return f"it is as the file says ({change.observed.run.value})"


def _past(terminal: Terminal, entry: dict[str, Any]) -> None:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(entry["at"])))
    deed = " and ".join(filter(None, (WORDS.get(entry["action"], ""), MOTIONS.get(entry["motion"], ""))))
    head = terminal.paint(f"{when}  {entry['address']}", BOLD)
    terminal.print(f"{head} {deed} by {terminal.paint(entry['command'], FAINT)}")
    for reason in entry["reasons"]:
        terminal.print(f"     because {reason}")
    for item in entry["diffs"]:
        path = tuple(item["path"])
        place = f"  {item['place']}" if item["place"] else ""
        terminal.print(f"     {name(path)}  {transition(path, item['from'], item['to'])}{place}")


def show_json(terminal: Terminal, changes: list[Change], past: list[dict[str, Any]]) -> None:
    now = as_data(Plan("", tuple(changes), ()))["changes"]
    terminal.print(own_json("why", {"past": past, "now": now}))
