"""`stackup doctor`."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.terminal import GREEN, RED, YELLOW
from stackup.cli.views.tables import own_json
from stackup.project.doctor import doctor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options

STYLES = {"ok": GREEN, "warning": YELLOW, "error": RED}


def run(call: Call, options: Options) -> int:
    found = doctor(call.session())
    if options.flag("json"):
        call.terminal.print(own_json("findings", found))
    else:
        width = max((len(item["subject"]) for item in found), default=0)
        for item in found:
            mark = call.terminal.paint(f"{item['level']:<8}", STYLES[item["level"]])
            call.terminal.print(f"{mark}{item['subject']:<{width}}  {item['text']}")
            if item["hint"]:
                call.terminal.print(f"{'':8}{'':{width}}  {item['hint']}")
    return Exit.FAILED if any(item["level"] == "error" for item in found) else Exit.DONE
