"""`stackup volume rm`: the name of each that is gone."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.options import Options
from stackup.cli.removing import remove_each
from stackup.project.volume import remove


def run(call: Call, options: Options) -> int:
    session, force = call.session(), options.flag("force")
    return remove_each(
        call, options.texts("volumes"), lambda name: [name] if remove(session, name, force=force) else []
    )
