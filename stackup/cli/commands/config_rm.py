"""`stackup config rm`."""

from __future__ import annotations

from stackup.cli import keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    return keeping.rm(call, options, "config")
