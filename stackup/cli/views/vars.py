"""Variables as a table for people: beside each value who gave it, who was not heard, and every place that asks."""

from __future__ import annotations

from itertools import zip_longest

from stackup.cli.views.diagnostics import pictured
from stackup.cli.views.tables import ellipsis, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from stackup.cli.terminal import Terminal

HEADS = ("VARIABLE", "VALUE", "FROM", "REQUIRED", "NOT", "USED AT")
KINDS = {"stack": "the stack's name", "shell": "the shell", "env_file": "", "default": "default at"}
LONGEST = 40
"""Characters of a value or a use; JSON has all of them."""


def show(terminal: Terminal, rows: list[dict[str, Any]]) -> None:
    if rows:
        table(terminal, HEADS, [line for row in rows for line in _lines(row)])
    else:
        terminal.print("No file asks for a variable.")


def _lines(row: Mapping[str, Any]) -> Iterator[list[str]]:
    """As many as there are losers, or places."""
    required = "yes" if row["required"] else "no"
    if row["source"]:
        head = [row["name"], _value(row["value"]), _source(row["source"]), required]
    else:
        head = [row["name"], "missing" if row["required"] else "not set", "", required]
    lost = [f"{_value(source['value'])} {_source(source)}" for source in row["lost"]]
    used = [f"{_place(use)}  {pictured(ellipsis(use['text'], LONGEST))}" for use in row["used"]]
    for loser, use in zip_longest(lost, used, fillvalue=""):
        yield [*head, loser, use]
        head = [""] * len(head)


def _source(source: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (KINDS[source["kind"]], _place(source["place"]) if source["place"] else "")))


def _place(place: Mapping[str, Any]) -> str:
    return f"{pictured(place['source'])}:{place['line']}:{place['column']}"


def _value(text: str) -> str:
    return f'"{pictured(ellipsis(text, LONGEST))}"'
