"""`stackup attach`. Hot."""

from __future__ import annotations

from stackup.cli.settings import key_sequence
from stackup.project.exec import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import AttachRequest


def run(call: Call, options: Options) -> int:
    request: AttachRequest = {
        "stdin": not options.flag("no_stdin"),
        "detach_keys": key_sequence(options.text("detach_keys")),
        "proxy": options.flag("sig_proxy"),
    }
    return attach(call.session(), options.text("service"), request, index=options.number("index") or 0)
