"""Several things removed by one command, each on its own. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.errors import StackupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stackup.cli.call import Call


def remove_each(call: Call, names: Iterable[str], remove: Callable[[str], Iterable[str]]) -> int:
    """Prints what `remove` has to say of each; what goes wrong with one is told, and does not keep the others."""
    failure: StackupError | None = None
    for name in names:
        try:
            for line in remove(name):
                call.terminal.print(line)
        except StackupError as problem:
            if failure is not None:
                call.fail(failure)
            failure = problem
    if failure is not None:
        raise failure
    return Exit.DONE
