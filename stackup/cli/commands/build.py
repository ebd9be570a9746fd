"""`stackup build`."""

from __future__ import annotations

import json

from stackup.cli.exits import Exit
from stackup.cli.views.build import BuildView
from stackup.cli.views.diagnostics import draw
from stackup.cli.views.progress import Quiet
from stackup.cli.views.words import Words
from stackup.engines.desire.builds import Wanted
from stackup.errors import UsageError
from stackup.project.build import BuildOptions, bake, build, check
from stackup.values import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    wanted = options_of(options)
    session = call.session(sink=Quiet(call.terminal, Words()), locked=options.flag("locked"))
    if options.flag("check"):
        rows = check(session, wanted)
        for row in rows:
            call.terminal.print(draw(row, call.terminal.paint) + "\n")
        if not rows:
            call.terminal.print("Check complete, no warnings found.")
        return Exit.FAILED if any(row["severity"] == "error" for row in rows) else Exit.DONE
    if options.flag("print_"):
        call.terminal.print(json.dumps(bake(session, wanted), indent=2))
        return Exit.DONE
    for name in ("provenance", "sbom"):
        if options.text(name) not in ("", "false"):
            call.say_warning(f"--{name}: no attestation is made")
    if options.text("builder") not in ("", "default"):
        call.say_warning("--builder: there is one builder, and it is used")
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
        call.say_warning("no service is to be built: there is nothing to build")
    return _push(call, options) if options.flag("push") else Exit.DONE


def _push(call: Call, options: Options) -> int:
    """Those that have a name of their own; the others are named and left out, as `stackup push` does."""
    from stackup.cli.sending import send  # registries: only where something is sent
    from stackup.project.push import push

    services, more = options.texts("services"), options.flag("with_dependencies")
    return send(call, lambda session: push(session, services, include_deps=more), quiet=options.flag("quiet"))


def options_of(options: Options) -> BuildOptions:
    memory = options.text("memory")
    try:
        size = parse_size(memory) if memory else 0
    except ValueError as problem:
        raise UsageError(str(problem), subject="--memory") from problem
    return BuildOptions(
        services=options.texts("services"),
        wanted=Wanted(
            args=dict(_arg(text) for text in options.texts("build_arg")),
            no_cache=options.flag("no_cache"),
            pull=options.flag("pull"),
            ssh=options.texts("ssh"),
            memory=size,
        ),
        with_dependencies=options.flag("with_dependencies"),
    )


def _arg(text: str) -> tuple[str, str | None]:
    """Without a value it is the caller's variable."""
    name, sign, value = text.partition("=")
    return name, value if sign else None
