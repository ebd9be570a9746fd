"""`stackup network create`: prints the network's id, as docker does."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import frame, shown, told
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.settings import keyed
from stackup.project import network


def run(call: Call, options: Options) -> int:
    name = options.text("name")
    wanted = network.described(
        name,
        driver=options.text("driver") or "bridge",
        internal=options.flag("internal"),
        enable_ipv4=options.flag("ipv4"),
        enable_ipv6=options.flag("ipv6"),
        driver_opts=keyed(options.texts("opt"), "--opt"),
        labels=keyed(options.texts("label"), "--label"),
        pools=network.pools(
            options.texts("subnet"),
            options.texts("gateway"),
            options.texts("ip_range"),
            keyed(options.texts("aux_address"), "--aux-address"),
        ),
    )
    made = frame(call, mode=call.progress if call.progress != "auto" else "quiet")
    with shown(made):
        report = network.create(made.session, name, wanted)
    code = told(made, report)
    if code == Exit.DONE and not call.dry_run:
        call.terminal.print(network.need(call.session(), name)["id"])
    return code
