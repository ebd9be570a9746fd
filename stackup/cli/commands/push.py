"""`stackup push`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.options import Options
from stackup.cli.sending import send
from stackup.project.push import push


def run(call: Call, options: Options) -> int:
    return send(
        call,
        lambda session: push(session, options.texts("services"), include_deps=options.flag("include_deps")),
        quiet=options.flag("quiet"),
        lenient=options.flag("ignore_push_failures"),
    )
