"""How a plan went: errors with their hints, and for a container that failed its last words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.cli.exits import Exit
from stackup.cli.terminal import BOLD, CYAN, FAINT, RED, visible
from stackup.cli.views.words import Words
from stackup.errors import StackInvalid
from stackup.reconcile.plan import Verb

if TYPE_CHECKING:
    from stackup.cli.terminal import Terminal
    from stackup.engines.engine import Container, Direct
    from stackup.errors import StackupError
    from stackup.reconcile.apply import Report

LAST_LINES = 10
INTERRUPTED = "interrupted"
"""The code of a step's error when it broke off because the user wanted no more: a pull does."""


def exit_code(report: Report) -> int:
    if any(item.error and item.error.code != INTERRUPTED for item in report.errors):
        return Exit.FAILED
    return Exit.INTERRUPTED if report.interrupted else Exit.DONE


def tell(terminal: Terminal, report: Report, words: Words, direct: Direct | None) -> int:
    """Say what failed; the exit code."""
    rows: dict[str, Container] = {}
    if report.errors and direct is not None:
        rows = {row["address"]: row for row in direct.containers(report.plan.stack)}
    for item in report.errors:
        error = item.error
        assert error is not None, "errors are the steps that have one"
        title = words.title(str(item.step.address))
        if error.code == "unbuildable":
            _failed_build(terminal, error)
            continue
        terminal.say(f"{terminal.paint_err('error', BOLD + RED)}: {title}: {error.message}")
        row = rows.get(str(item.step.address))
        if row is not None and direct is not None and item.step.verb in (Verb.START, Verb.AWAIT):
            _last_words(terminal, direct, row)
        if error.hint:
            terminal.say(f"{terminal.paint_err('hint', BOLD + CYAN)}: {error.hint}")
    skipped = sum(bool(item.skipped) for item in report.steps)
    if skipped:
        terminal.say(f"{skipped} step{'s' * (skipped != 1)} not tried; the same command goes on from here")
    return exit_code(report)


def _last_words(terminal: Terminal, direct: Direct, row: Container) -> None:
    if row["state"] in ("exited", "dead"):
        terminal.say(f"  it exited with code {row['exit_code']}" + (f": {row['error']}" if row["error"] else ""))
    if row["probe"]:
        terminal.say("  the last health probe said:")
        _quote(terminal, row["probe"].splitlines())
    lines = [data for _, _, data in direct.logs(row, tail=LAST_LINES, since=0.0, until=0.0, follow=False)]
    if lines:
        terminal.say("  its last lines:")
        _quote(terminal, [line.decode("utf-8", "replace").rstrip() for line in lines[-LAST_LINES:]])


def _failed_build(terminal: Terminal, error: StackupError) -> None:
    """The output of the step in full, since on a terminal only its last line was seen; then its line."""
    from stackup.cli.views.diagnostics import tell_all  # only for what went wrong
    from stackup.project.problems import readable

    said: tuple[str, ...] = getattr(error, "said", ())
    if said:
        terminal.say("the step that failed said:")
        _quote(terminal, [visible(line) for line in said])
    told = readable(error)
    assert isinstance(told, StackInvalid), "it is one that can be read"
    tell_all(terminal, told)


def _quote(terminal: Terminal, lines: list[str]) -> None:
    for line in lines:
        terminal.say(f"    {terminal.paint_err('|', FAINT)} {line}")
