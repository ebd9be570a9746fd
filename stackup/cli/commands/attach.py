"""`stackup attach`. Hot."""

from __future__ import annotations

from stackup.errors import Unsupported
from stackup.project.exec import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    if options.flag("no_stdin"):
        raise Unsupported("attaching without standard input is `stackup logs -f`", subject="--no-stdin")
    return attach(call.session(), options.text("service"), index=options.number("index") or 0)
