"""`stackup config`. Hot when the cache has it."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views.config import lines
from stackup.errors import HostError
from stackup.project.config import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    if options.texts("explain"):
        from stackup.cli.commands.vars import explain  # loads the files, which a cached config does not

        return explain(call, options.texts("explain"), as_json=options.text("format") == "json")
    found = config(call.session(), options.texts("names"), all_resources=call.flags.flag("all_resources"))
    if options.flag("quiet"):
        return Exit.DONE
    text = lines(found, options)
    path = options.text("output")
    if not path:
        call.terminal.out.write(text)
        return Exit.DONE
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as problem:
        raise HostError(f'cannot write "{path}": {(problem.strerror or "").lower()}', subject=path) from problem
    return Exit.DONE
