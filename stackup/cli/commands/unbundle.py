"""`stackup unbundle`."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from stackup.cli.bringing_up import in_the_background
from stackup.cli.changing import Frame, frame, shown
from stackup.cli.exits import Exit
from stackup.cli.views.tables import counted
from stackup.errors import UsageError
from stackup.images.refusal import disk
from stackup.project.unbundle import Unbundled, unbundle
from stackup.project.up import UpOptions

if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    """Nothing is asked for on the way, from nobody: what is not in the file is not there."""
    if options.flag("wait") and not options.flag("up"):
        raise UsageError("--wait is for --up", subject="--wait")
    call.environ = {**call.environ, "STACKUP_OFFLINE": "1"}
    made = frame(call, yes=options.flag("yes"))
    with shown(made):
        done = _brought(made, options.text("file"), options.text("directory"))
    _tell(call, done, up=options.flag("up"))
    if not options.flag("up"):
        return Exit.DONE
    bringing = frame(call, yes=options.flag("yes"))
    bringing.session.where = made.session.where
    return in_the_background(bringing, UpOptions(wait=options.flag("wait")))


def _brought(made: Frame, path: str, directory: str) -> Unbundled:
    if path != "-":
        with disk(path), open(path, "rb", buffering=0) as file:
            return unbundle(made.session, file, path, directory)
    if sys.stdin.isatty():
        raise UsageError("there is no bundle on a terminal", hint="name a file, or read from a pipe")
    return unbundle(made.session, sys.stdin.buffer, "standard input", directory)


def _tell(call: Call, done: Unbundled, *, up: bool) -> None:
    said, say = done.inventory, call.terminal.say
    for name in done.refused:
        call.say_warning(f"{name} goes on naming another image here; the stack has its own, by its lock")
    for word in said.left:
        call.say_warning(f"the stack needs what is not in the bundle: {word}")
    folder = os.path.relpath(os.path.join(done.folder, said.folder))
    say(f"{said.stack}: {counted(done.images, 'image')} and {counted(done.files, 'file')}, in {folder}")
    flags = [word for flag, names in (("-f", said.files), ("--env-file", said.env_files), ("--profile", said.profiles))
             for name in names for word in (flag, name)]  # fmt: skip
    if not up:
        say(f"bring it up with: cd {shlex.quote(folder)} && {shlex.join(['stackup', *flags, '--offline', 'up', '-d'])}")
