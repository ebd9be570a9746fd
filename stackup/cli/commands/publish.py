"""`stackup publish`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import frame, shown
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.project.publish import PublishOptions, publish


def run(call: Call, options: Options) -> int:
    wanted = PublishOptions(
        options.text("reference"),
        with_env=options.flag("with_env"),
        pin=options.flag("resolve_image_digests"),
    )
    made = frame(call, yes=options.flag("yes"))
    with shown(made):
        digest = publish(made.session, wanted)
    if digest:
        call.terminal.out.write(f"{digest}\n")
    return Exit.DONE
