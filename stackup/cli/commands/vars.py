"""`stackup vars`, which is also `config --explain`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.tables import own_json
from stackup.cli.views.vars import show
from stackup.project.vars import variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    return explain(call, options.texts("names"), as_json=options.flag("json"))


def explain(call: Call, names: tuple[str, ...], *, as_json: bool) -> int:
    """Fails when the files have errors, which are told, or ask for none of a given name."""
    found = variables(call.session(), names)
    for row in found["problems"]:
        call.warn(row)
    for name in found["unused"]:
        call.say_warning(f'no file asks for "{name}"')
    if as_json:
        call.terminal.print(own_json("variables", found["variables"]))
    else:
        show(call.terminal, found["variables"])
    return Exit.FAILED if found["problems"] or found["unused"] else Exit.DONE
