"""`stackup network inspect`: docker's array, one object a network, or a template filled in for each."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.inspected import show_objects
from stackup.cli.views.networks import inspected
from stackup.errors import StackupError
from stackup.project.network import need

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    """What is there is shown, also when something else is not."""
    session = call.session()
    found, problem = [], None
    for name in options.texts("networks"):
        try:
            found.append(inspected(need(session, name)))
        except StackupError as error:
            problem = problem or error
    show_objects(call.terminal, found, options.text("format"))
    if problem:
        raise problem
    return Exit.DONE
