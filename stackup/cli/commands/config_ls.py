"""`stackup config ls`."""

from __future__ import annotations

import time

from stackup.cli import keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    return keeping.ls(call, options, "config", time.time())
