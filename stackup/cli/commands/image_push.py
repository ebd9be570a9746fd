"""`stackup image push`."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.options import Options
from stackup.cli.sending import send
from stackup.project.push import push_images


def run(call: Call, options: Options) -> int:
    name = options.text("reference")
    return send(call, lambda session: push_images(session, [name]), quiet=options.flag("quiet"))
