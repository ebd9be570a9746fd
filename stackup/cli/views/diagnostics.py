"""Diagnostics in the manner of rustc: code, place, the lines with their markers, what would help. From plain rows. Hot.

Lines of the first file come in their order, those of other files under their names. Text of the user's is shown with
its control characters as pictures, one for one, so that nothing moves the cursor and every marker stands where it
should.
"""

from __future__ import annotations

from stackup.cli.terminal import BLUE, BOLD, CYAN, RED, YELLOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from stackup.cli.terminal import Terminal
    from stackup.errors import StackInvalid

    Paint = Callable[[str, str], str]

STYLES = {"error": BOLD + RED, "warning": BOLD + YELLOW}
TAB = "    "
WIDEST = 160
"""Columns of a line that are shown; of a longer one a stretch around the marker."""
MOST_RELATED = 6
"""Places beside the first that are drawn; the rest are counted."""


def draw(row: dict[str, Any], paint: Paint) -> str:
    """One problem as text, without an end of line."""
    head = paint(f"{row['severity']}[{row['code']}]", STYLES[row["severity"]])
    lines = [f"{head}: {paint(pictured(sentence(row)), BOLD)}"]
    marks = _marks(row)
    margin = max((len(str(span["line"])) for span, _, _ in marks), default=1)
    for number, group in enumerate(_by_source(marks)):
        lines += _excerpt(group, "-->" if number == 0 else ":::", margin, paint)
    more = len(row["related"]) - MOST_RELATED
    if more > 0:
        lines.append(f"{paint('note', BOLD)}: and {more} more place{'s' * (more != 1)}")
    if row.get("strict"):
        lines.append(f"{paint('note', BOLD)}: a warning, made an error by --strict")
    if row["hint"]:
        lines.append(f"{paint('help', BOLD + CYAN)}: {pictured(row['hint'])}")
    return "\n".join(lines)


def sentence(row: dict[str, Any]) -> str:
    """What is wrong in general, and what exactly."""
    return ": ".join(filter(None, (row["summary"], row["detail"])))


Mark = "tuple[dict[str, Any], str, str]"
"""A span, what stands beside its marker, and the style: a severity, or empty for a place beside the first."""


def _marks(row: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    label = "" if sentence(row).endswith(row["label"]) else row["label"]  # said once is enough
    first = [(row["span"], label, row["severity"])] if row["span"] else []
    return first + [(item["span"], item["label"], "") for item in row["related"][:MOST_RELATED] if item["span"]]


def _by_source(marks: list[Any]) -> list[list[Any]]:
    """The marks of each file together, the first mark's file first; the first mark leads its group."""
    groups: dict[str, list[Any]] = {}
    for mark in marks:
        groups.setdefault(mark[0]["source"], []).append(mark)
    return list(groups.values())


def _excerpt(marks: list[Any], arrow: str, margin: int, paint: Paint) -> list[str]:
    span = marks[0][0]
    bar = paint(f"{' ' * margin} |", BLUE)
    place = f"{pictured(span['source'])}:{span['line']}:{span['column']}"
    lines = [f"{' ' * margin}{paint(arrow, BLUE)} {place}", bar]
    before = 0
    for at, label, style in sorted(marks, key=_position):
        if not at["text"].strip():
            continue
        text, indent, width = _marked(at)
        if before and at["line"] > before + 1:
            lines.append(paint("...", BLUE))
        if at["line"] != before:
            number = paint(f"{at['line']:>{margin}} |", BLUE)
            lines.append(f"{number} {text}")
        sign = ("^" if style else "-") * width + (f" {pictured(label)}" if label else "")
        lines.append(f"{bar} {' ' * indent}{paint(sign, STYLES.get(style, BOLD + BLUE))}")
        before = at["line"]
    return lines if before else lines[:1]


def _position(mark: Any) -> tuple[int, int]:
    return mark[0]["line"], mark[0]["column"]


def _marked(span: dict[str, Any]) -> tuple[str, int, int]:
    """The line with its tabs drawn out, how far in the marker begins, how wide it is."""
    text: str = span["text"]
    start = span["column"] - 1
    end = span["end_column"] - 1 if span["end_line"] == span["line"] else len(text)
    text, start, end = _window(text, start, max(start, end))
    indent = columns(text[:start])
    return _drawn(text), indent, max(1, columns(text[:end]) - indent)


def _window(text: str, start: int, end: int) -> tuple[str, int, int]:
    """A line too long to be read is cut before and behind its marker."""
    if len(text) <= WIDEST:
        return text, start, end
    first = max(0, min(start - WIDEST // 3, len(text) - WIDEST))
    head = "…" if first else ""
    tail = "…" if first + WIDEST < len(text) else ""
    shown = head + text[first : first + WIDEST] + tail
    moved = len(head) - first
    return shown, start + moved, min(end + moved, len(shown))


def _drawn(text: str) -> str:
    return pictured(text.expandtabs(len(TAB)))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    drawn = text.expandtabs(len(TAB))
    if drawn.isascii():
        return len(drawn)
    from unicodedata import combining, east_asian_width  # only for the lines that need it

    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in drawn)


def pictured(text: str) -> str:
    """Control characters as the pictures that Unicode has of them, others that cannot be shown as a replacement."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _picture(ord(letter)) for letter in text)


def _picture(code: int) -> str:
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def tell_all(terminal: Terminal, problem: StackInvalid) -> None:
    """Every problem of a stack, errors last so that they stand above the prompt, and their number."""
    rows = sorted(problem.rows, key=lambda row: row["severity"] == "error")
    for row in rows:
        terminal.say(draw(row, terminal.paint_err) + "\n")
    errors = [row for row in rows if row["severity"] == "error"]
    strict = sum(bool(row.get("strict")) for row in errors)
    about = f", {strict} of them only by --strict" if strict else ""
    head = terminal.paint_err("error", BOLD + RED)
    terminal.say(f"{head}: {len(errors)} error{'s' * (len(errors) != 1)} in {problem.what}{about}")
    if errors:
        terminal.say(f"{terminal.paint_err('help', BOLD + CYAN)}: `stackup explain {errors[0]['code']}` says more")
