"""`stackup network connect`: a container onto a network, also while it runs."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import keyed
from stackup.project.network import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    connect(
        call.session(),
        options.text("network"),
        options.text("container"),
        {
            "aliases": list(options.texts("alias")),
            "ipv4": options.text("ip"),
            "ipv6": options.text("ip6"),
            "mac": "",
            "interface": "",
            "link_local": list(options.texts("link_local_ip")),
            "options": keyed(options.texts("driver_opt"), "--driver-opt"),
            "priority": 0,
            "gw_priority": options.number("gw_priority") or 0,
        },
    )
    return Exit.DONE
