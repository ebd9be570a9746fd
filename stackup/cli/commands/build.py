"""`stackup build`."""

from __future__ import annotations

import json

from stackup.cli.exits import Exit
from stackup.cli.views.build import BuildView
from stackup.cli.views.diagnostics import draw
from stackup.errors import Unsupported, UsageError
from stackup.project.build import BuildOptions, build, check
from stackup.values import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    wanted = options_of(options)
    session = call.session(locked=options.flag("locked"))
    if options.flag("check"):
        rows = check(session, wanted)
        for row in rows:
            call.terminal.print(draw(row, call.terminal.paint) + "\n")
        if not rows:
            call.terminal.print("Check complete, no warnings found.")
        return Exit.FAILED if any(row["severity"] == "error" for row in rows) else Exit.DONE
    if options.flag("push"):
        raise Unsupported("build --push is not there yet", subject="--push", hint="build, then: stackup push")
    if options.flag("pull"):
        call.say_warning("--pull: base images are those of this machine")
    mode = "quiet" if options.flag("quiet") else call.progress
    done = build(session, wanted, BuildView(call.terminal, mode))
    for image in done:
        if mode == "json":
            row = {"service": image.service, "image": image.image, "tags": list(image.tags)}
            call.terminal.print(json.dumps(row))
        elif options.flag("quiet"):
            call.terminal.print(image.image)
        else:
            call.terminal.say(f" {image.tags[0]}  Built")
    if not done and not call.dry_run:
        call.say_warning("no service has a `build`: there is nothing to build")
    return Exit.DONE


def options_of(options: Options) -> BuildOptions:
    memory = options.text("memory")
    try:
        size = parse_size(memory) if memory else 0
    except ValueError as problem:
        raise UsageError(str(problem), subject="--memory") from problem
    return BuildOptions(
        services=options.texts("services"),
        args=dict(_arg(text) for text in options.texts("build_arg")),
        no_cache=options.flag("no_cache"),
        with_dependencies=options.flag("with_dependencies"),
        ssh=options.texts("ssh"),
        memory=size,
    )


def _arg(text: str) -> tuple[str, str | None]:
    """Without a value it is the caller's variable."""
    name, sign, value = text.partition("=")
    return name, value if sign else None
