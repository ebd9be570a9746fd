"""`stackup bundle`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from stackup.cli.changing import build_policy, carry_out, frame
from stackup.cli.exits import Exit
from stackup.errors import UsageError
from stackup.project.belongings import MOUNTS, SECRETS
from stackup.project.bundle import BundleOptions, bundle
from stackup.project.parcels import whole_file

if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.project.bundle import Sink

OWNERS = 0o600
"""It may hold passwords: environments do."""


def run(call: Call, options: Options) -> int:
    along = [flag for flag, name in ((SECRETS, "with_secrets"), (MOUNTS, "with_mounts")) if options.flag(name)]
    wanted = BundleOptions(build_policy(options), frozenset(along))
    path = options.text("output")
    sink = _sink(call, path)
    code = carry_out(frame(call), lambda session: bundle(session, wanted, sink))
    if code == Exit.DONE and (call.dry_run or path):
        call.terminal.say("Nothing was written: this is a dry run." if call.dry_run else f"Wrote {path}.")
    return code


def _sink(call: Call, path: str) -> Sink:
    if path and path != "-":
        return lambda: whole_file(path, OWNERS)
    if sys.stdout.isatty() and not call.dry_run:
        raise UsageError("a bundle is not for a terminal", hint="pass -o FILE, or send it into a pipe")
    return lambda: nullcontext(call.terminal.stream())
