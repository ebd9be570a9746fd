"""`stackup down`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import change
from stackup.cli.options import Options
from stackup.errors import UsageError
from stackup.project.down import DownOptions, down


def run(call: Call, options: Options) -> int:
    images = options.text("rmi")
    if images not in ("", "local", "all"):
        raise UsageError(f'"{images}" is not a value of --rmi', subject="--rmi", hint="choose local or all")
    wanted = DownOptions(
        services=options.texts("services"),
        images=images,
        volumes=options.flag("volumes"),
        remove_orphans=options.flag("remove_orphans") or call.switched_on("COMPOSE_REMOVE_ORPHANS"),
        ignore_orphans=call.switched_on("COMPOSE_IGNORE_ORPHANS"),
        stop_timeout=options.seconds("timeout"),
    )
    return change(call, lambda session: down(session, wanted), yes=True)
