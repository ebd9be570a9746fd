"""`stackup watch`: what changes is brought into the containers until Ctrl-C. They go on running after it."""

from __future__ import annotations

from stackup.cli.bringing_up import in_the_background
from stackup.cli.changing import frame
from stackup.cli.exits import Exit
from stackup.cli.watching import watched
from stackup.project.up import UpOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    made = frame(call)
    watching = watched(made, options)
    try:
        if not options.flag("no_up"):
            code = in_the_background(made, UpOptions(services=options.texts("services")))
            if code != Exit.DONE:
                return code
        watching.begin()
        while True:
            watching.wait()
            watching.handle()
    finally:
        watching.close()
