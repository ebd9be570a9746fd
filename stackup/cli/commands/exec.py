"""`stackup exec`. Hot."""

from __future__ import annotations

from stackup.cli.settings import pairs
from stackup.project.exec import execute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import ExecRequest


def run(call: Call, options: Options) -> int:
    detach = options.flag("detach")
    request: ExecRequest = {
        "argv": list(options.texts("command")),
        "env": {key: value for key, value in pairs(options.texts("env"), call.environ).items() if value is not None},
        "cwd": options.text("workdir"),
        "user": options.text("user"),
        "privileged": options.flag("privileged"),
        "tty": call.terminal.interactive and not options.flag("no_tty") and not detach,
        "interactive": options.flag("interactive") and not detach,
        "detach": detach,
    }
    return execute(call.session(), options.text("service"), request, index=options.number("index") or 0)
