"""Diagnostics in the manner of rustc: code, place, the line with a caret, what would help. From plain rows. Hot."""

from __future__ import annotations

from stackup.cli.terminal import BLUE, BOLD, CYAN, RED, YELLOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.terminal import Terminal
    from stackup.errors import StackInvalid

STYLES = {"error": BOLD + RED, "warning": BOLD + YELLOW}
TAB = "    "


def draw(row: dict[str, Any], terminal: Terminal) -> str:
    """One problem as text, without an end of line."""
    paint = terminal.paint_err
    head = paint(f"{row['severity']}[{row['code']}]", STYLES[row["severity"]])
    about = row["detail"] or row["summary"]
    lines = [f"{head}: {paint(about, BOLD)}"]
    span = row["span"]
    margin = len(str(span["line"])) if span else 1
    if span:
        lines += _excerpt(span, row["label"], margin, row["severity"], terminal)
    for other in row["related"]:
        place = other["span"]
        lines.append(f"{paint('note', BOLD)}: {other['label']}: {place['source']}:{place['line']}:{place['column']}")
    if row["hint"]:
        lines.append(f"{paint('help', BOLD + CYAN)}: {row['hint']}")
    return "\n".join(lines)


def _excerpt(span: dict[str, Any], label: str, margin: int, severity: str, terminal: Terminal) -> list[str]:
    paint = terminal.paint_err
    bar = paint(f"{' ' * margin} |", BLUE)
    place = f"{span['source']}:{span['line']}:{span['column']}"
    lines = [f"{' ' * margin}{paint('-->', BLUE)} {place}"]
    if not span["text"].strip():
        return lines
    number = paint(f"{span['line']} |", BLUE)
    text, before, under = _marked(span)
    caret = paint("^" * under + (f" {label}" if label else ""), STYLES[severity])
    return [*lines, bar, f"{number} {text}", f"{bar} {' ' * before}{caret}"]


def _marked(span: dict[str, Any]) -> tuple[str, int, int]:
    """The line with its tabs drawn out, how far in the caret begins, how wide it is."""
    text: str = span["text"]
    start = span["column"] - 1
    end = span["end_column"] - 1 if span["end_line"] == span["line"] else len(text)
    drawn, before = text.expandtabs(len(TAB)), len(text[:start].expandtabs(len(TAB)))
    return drawn, before, max(1, len(text[: max(end, start)].expandtabs(len(TAB))) - before)


def tell(terminal: Terminal, rows: list[dict[str, Any]], form: str = "") -> None:
    """To standard error: drawn for people, one JSON object a line, or as annotations of a GitHub check."""
    for row in rows:
        if form == "json":
            from stackup.cli.views.tables import line_json

            terminal.say(line_json("diagnostic", row))
        else:
            terminal.say(_annotation(row) if form == "github" else draw(row, terminal))


def _annotation(row: dict[str, Any]) -> str:
    """GitHub's workflow command; its data may hold no raw line ends or percent signs."""
    span = row["span"]
    place = f" file={span['source']},line={span['line']},col={span['column']}," if span else " "
    text = ": ".join(filter(None, (row["detail"] or row["summary"], row["hint"])))
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{row['severity']}{place}title={row['code']}::{escaped}"


def tell_all(terminal: Terminal, problem: StackInvalid, form: str = "") -> None:
    """Every problem of a stack, errors last so that they stand above the prompt, and their number."""
    from stackup.project.problems import rows_of

    rows = rows_of(problem.diagnostics, problem.sources)
    rows.sort(key=lambda row: row["severity"] == "error")
    if form:
        tell(terminal, rows, form)
        return
    for row in rows:
        terminal.say(draw(row, terminal) + "\n")
    errors = sum(row["severity"] == "error" for row in rows)
    terminal.say(f"{terminal.paint_err('error', BOLD + RED)}: {errors} error{'s' * (errors != 1)} in {problem.what}")
