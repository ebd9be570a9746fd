"""What became of a pull or push: what needed nothing, what could not be done, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.cli.terminal import BOLD, CYAN, RED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackup.cli.call import Call
    from stackup.cli.changing import Frame
    from stackup.errors import StackupError
    from stackup.project.pull import Pulled


def tell_present(made: Frame, pulled: Pulled) -> None:
    """While the view is still open: a line of its own for each."""
    for name in pulled.present:
        if made.view is not None:
            made.view.settled(f"Image {name}", "Up to date")
    for name in pulled.buildable:
        made.session.notice(f"image {name} is not at its registry: it must be built")


def errors_of(pulled: Pulled) -> list[tuple[str, StackupError]]:
    failed = [(item.step.address.name, item.error) for item in pulled.report.errors if item.error]
    return [*pulled.failures.items(), *failed]


def tell_errors(call: Call, errors: Iterable[tuple[str, StackupError]]) -> None:
    """Once the view is closed."""
    terminal = call.terminal
    for name, error in errors:
        terminal.say(f"{terminal.paint_err('error', BOLD + RED)}: {name}: {error.message}")
        if error.hint:
            terminal.say(f"{terminal.paint_err('hint', BOLD + CYAN)}: {error.hint}")
