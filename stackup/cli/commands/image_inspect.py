"""`stackup image inspect`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.inspected import docker_image, show_objects
from stackup.cli.views.tables import own_json
from stackup.errors import StackupError
from stackup.project.image import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    """What is there is shown, also when something else is not."""
    session = call.session()
    found, problem = [], None
    for name in options.texts("references"):
        try:
            found.append(inspect(session, name))
        except StackupError as error:
            problem = problem or error
    if options.flag("json"):
        call.terminal.print(own_json("images", found))
    else:
        show_objects(call.terminal, [docker_image(record) for record in found], options.text("format"))
    if problem:
        raise problem
    return Exit.DONE
