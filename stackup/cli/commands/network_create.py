"""`stackup network create`: prints the network's id, as docker does."""

from __future__ import annotations

from stackup.cli.call import Call
from stackup.cli.changing import frame, shown, told
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.cli.settings import keyed, pairs, several
from stackup.errors import Unsupported
from stackup.project import network

ONLY = {"scope": "local", "ipam_driver": "default"}


def run(call: Call, options: Options) -> int:
    name = options.text("name")
    _refuse(options)
    if options.texts("ipam_opt"):
        call.say_warning("--ipam-opt changes nothing: addresses are given out by stackup itself")
    wanted = network.described(
        name,
        driver=options.text("driver") or "bridge",
        internal=options.flag("internal"),
        enable_ipv4=options.flag("ipv4"),
        enable_ipv6=options.flag("ipv6"),
        driver_opts=keyed(options.texts("opt"), "--opt"),
        labels={key: value or "" for key, value in pairs(options.texts("label")).items()},
        pools=network.pools(
            several(options.texts("subnet")),
            several(options.texts("gateway")),
            several(options.texts("ip_range")),
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


def _refuse(options: Options) -> None:
    """What belongs to several hosts, by its name."""
    swarms = {
        "--config-from": bool(options.text("config_from")),
        "--config-only": options.flag("config_only"),
        "--ingress": options.flag("ingress"),
    }
    for option in (name for name, asked in swarms.items() if asked):
        raise Unsupported(f"{option} is for swarms", subject=option, hint="describe this network by itself")
    for name, known in ONLY.items():
        if options.text(name) not in ("", known):
            option, said = f"--{name.replace('_', '-')}", options.text(name)
            raise Unsupported(f'{option} is {known} here, not "{said}"', subject=option, hint="leave it out")
