"""`stackup network connect`: a container onto a network, also while it runs."""

from __future__ import annotations

from stackup.cli.exits import Exit
from stackup.cli.settings import keyed, several
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
            "aliases": list(several(options.texts("alias"))),
            "ipv4": options.text("ip"),
            "ipv6": options.text("ip6"),
            "mac": "",
            "interface": "",
            "link_local": list(several(options.texts("link_local_ip"))),
            "options": keyed(options.texts("driver_opt"), "--driver-opt"),
            "priority": 0,
            "gw_priority": options.number("gw_priority") or 0,
        },
        links=dict(_link(word) for word in options.texts("link")),
    )
    return Exit.DONE


def _link(word: str) -> tuple[str, str]:
    """Alias and container."""
    container, _, alias = word.partition(":")
    return alias or container, container
