"""`stackup volume create`: prints the volume's name, as docker does."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import frame, shown, told
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.settings import keyed
from stackup.project import volume


def run(call: Call, options: Options) -> int:
    name, labels = options.text("name"), keyed(options.texts("label"), "--label")
    if not name:
        name, marked = volume.unnamed()
        labels |= marked
    driver = options.text("driver") or "local"
    wanted = volume.described(name, driver, keyed(options.texts("opt"), "--opt"), labels)
    made = frame(call, mode=call.progress if call.progress != "auto" else "quiet")
    with shown(made):
        report = volume.create(made.session, name, wanted)
    code = told(made, report) if report else int(Exit.DONE)
    if code == Exit.DONE:
        call.terminal.print(name)
    return code
