"""`stackup image load`."""

from __future__ import annotations

import sys

from stackup.cli.exits import Exit
from stackup.cli.views.images import short
from stackup.cli.views.stored import familiar
from stackup.errors import UsageError
from stackup.images.refusal import disk
from stackup.project.parcels import Arrived, bring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    path, session = options.text("input"), call.session()

    def agree(name: str, there: str, new: str) -> bool:
        return options.flag("force") or call.terminal.ask(
            f"{familiar(name)} names the image {short(there)}. Let it name {short(new)} from now on?"
        )

    if path and path != "-":
        with disk(path), open(path, "rb", buffering=0) as file:
            found = bring(session, file, path, agree)
    elif sys.stdin.isatty():
        raise UsageError("there is no archive on a terminal", hint="pass -i FILE, or read from a pipe")
    else:
        found = bring(session, sys.stdin.buffer, "standard input", agree)
    for image in found:
        _tell(call, image, quiet=options.flag("quiet"))
    return Exit.FAILED if any(image.refused for image in found) else Exit.DONE


def _tell(call: Call, image: Arrived, *, quiet: bool) -> None:
    for item in image.skipped:
        call.terminal.say(f"left out: {item}")
    for name in image.named if not quiet else ():
        call.terminal.print(f"Loaded image: {familiar(name)}")
    if quiet or not image.named:
        call.terminal.print(image.image_id if quiet else f"Loaded image ID: {image.image_id}")
    for name, there in image.refused:
        call.say_warning(
            f"{familiar(name)} still names the image {short(there)}: pass --force to let the archive change that"
        )
