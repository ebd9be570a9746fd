"""What became of a lock, a line a name, and names that mean something else than it says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from stackup.cli.terminal import GREEN, RED, YELLOW
from stackup.cli.views.images import short
from stackup.cli.views.stored import familiar

if TYPE_CHECKING:
    from stackup.cli.terminal import Terminal
    from stackup.project.held import Moved
    from stackup.project.lock import Written

__all__ = ["familiar", "lines", "rows", "show"]


def show(terminal: Terminal, done: Written) -> None:
    for sign, style, names in (("+", GREEN, done.added), ("~", YELLOW, done.changed), ("-", RED, done.dropped)):
        for name in names:
            terminal.print(f"{terminal.paint(sign, style)} {familiar(name)}")
    name = os.path.basename(done.path)
    if done.wrote:
        terminal.say(f"Wrote {name}.")
    elif not (done.added or done.changed or done.dropped):
        terminal.say(f"Nothing to do: {name} holds every image.")


def rows(found: Iterable[Moved]) -> list[dict[str, Any]]:
    keys = ("image", "services", "locked", "now", "at", "place")
    return [{key: getattr(one, key) for key in keys} for one in found]


def lines(found: Iterable[Moved]) -> Iterator[str]:
    for one in found:
        services = ", ".join(one.services)
        yield (
            f'tag moved: "{one.image}" is locked to {short(one.locked)} and means {short(one.now)} {one.at} '
            f"({services}, {one.place}): `stackup lock --upgrade {' '.join(one.services)}` takes that"
        )
