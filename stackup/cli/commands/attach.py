"""`stackup attach`. Hot."""

from __future__ import annotations

from stackup.project.exec import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    stdin = not options.flag("no_stdin")
    return attach(call.session(), options.text("service"), index=options.number("index") or 0, stdin=stdin)
