"""`stackup unpause`. Hot."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.project.pause import pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import Container


def run(call: Call, options: Options) -> int:
    def tell(row: Container) -> None:
        if call.progress != "quiet":
            call.terminal.say(f" Container {row['name']}  Unpaused")

    pause(call.session(), options.texts("services"), tell, paused=False)
    return Exit.DONE
