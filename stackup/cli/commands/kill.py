"""`stackup kill`. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.project.kill import kill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import Container


def run(call: Call, options: Options) -> int:
    def tell(row: Container) -> None:
        if call.progress != "quiet":
            call.terminal.say(f" Container {row['name']}  Killed")

    name = options.text("signal").upper()
    signal = name if name.startswith("SIG") or name.isdigit() else f"SIG{name}"
    if not kill(call.session(), options.texts("services"), signal, tell):
        call.terminal.say("no container to kill")
    if not options.flag("remove_orphans"):
        return Exit.DONE
    from stackup.cli.changing import change
    from stackup.project.up import remove_orphans

    return change(call, remove_orphans)
