"""`stackup config`. Hot when the cache has it."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.views import config as view
from stackup.errors import HostError
from stackup.project import config as project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options

PORTABLE = frozenset(("path_resolution", "env_resolution", "unmasked"))


def run(call: Call, options: Options) -> int:
    if options.texts("explain"):
        from stackup.cli.commands.vars import explain  # loads the files, which a cached config does not

        return explain(call, options.texts("explain"), as_json=options.text("format") == "json")
    text = _text(call, options)
    path = options.text("output")
    if options.flag("quiet"):
        return Exit.DONE
    if not path:
        call.terminal.out.write(text)
        return Exit.DONE
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as problem:
        raise HostError(f'cannot write "{path}": {(problem.strerror or "").lower()}', subject=path) from problem
    return Exit.DONE


def _text(call: Call, options: Options) -> str:
    """What to print."""
    session, names, without = call.session(), options.texts("names"), _without(options)
    if options.flag("variables"):
        return view.variables(project.variables(session), options.text("format"))
    if options.flag("lock_image_digests") or options.flag("resolve_image_digests"):
        from stackup.project.pins import locked, pinned

        pins = locked if options.flag("lock_image_digests") else pinned
        found = pins(session, names, without - {"interpolate"})
    else:
        lists = view.is_list(options)
        names = () if lists and not options.flag("images") else names
        without = without - {"interpolate"} if lists and not options.flag("services") else without
        everything, fresh = call.flags.flag("all_resources"), options.flag("environment")
        found = project.config(session, names, all_resources=everything, without=without, fresh=fresh)
    return view.lines(found, options, call.environ)


def _without(options: Options) -> frozenset[str]:
    steps = ("consistency", "env_resolution", "interpolate", "normalize", "path_resolution")
    left_out = frozenset(step for step in steps if options.flag(f"no_{step}"))
    return left_out | PORTABLE if options.flag("portable") else left_out
