"""Rows as a table, as docker prints them: upper-case heads, columns three spaces apart. JSON as Go writes it. Hot."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from stackup.cli.terminal import Terminal

GAP = 3
SCHEMA = 1


def table(terminal: Terminal, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """The last column is not padded."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) + GAP for at in range(len(heads) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        terminal.print("".join((*cells, line[-1])).rstrip())


def go_json(value: Any) -> str:
    """Byte for byte what Go's encoder makes: sorted keys, no spaces, `<`, `>` and `&` escaped."""
    import json

    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def own_json(name: str, value: Any) -> str:
    """stackup's own JSON, whose shape only ever grows."""
    import json

    return json.dumps({"schema": SCHEMA, name: value}, indent=2, ensure_ascii=False)


def line_json(name: str, value: Any) -> str:
    """The same as one line, for streams."""
    import json

    return json.dumps({"schema": SCHEMA, name: value}, ensure_ascii=False)


def ellipsis(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
