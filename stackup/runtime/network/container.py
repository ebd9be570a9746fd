"""A container's own network namespace, apart from any network: made before its process, kept over restarts.

It belongs to the container's record, not to its init, so that whoever shares it by `service:x` keeps working. The
resolver's sockets live in it too, on a port that its one nftables table redirects to.
"""

from __future__ import annotations

import os

from stackup.kernel import netns, nftables
from stackup.runtime.network import rules
from stackup.runtime.network.dns import PORT, RESOLVER_PORT

_SETTINGS = (
    # As Docker has it: an unprivileged user inside may bind port 80 and send pings; both are the namespace's own.
    ("net/ipv4/ip_unprivileged_port_start", "0"),
    ("net/ipv4/ping_group_range", "0 2147483647"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
)


def prepare(pin_file: str, *, resolver: bool = True) -> None:
    """Pins a namespace with loopback up, its settings and, with `resolver`, the way to it. Again: mends it.

    Without nf_tables nothing leads to it, and `resolver_port` is 53 itself.
    """
    netns.create(pin_file)
    ns_fd = netns.open_pin(pin_file)
    try:
        with netns.Inside(ns_fd):
            netns.ease_sysctls(_SETTINGS)
            if resolver and nftables.available():
                with nftables.open_channel() as channel:
                    nftables.apply(channel, nftables.whole(rules.CONTAINER))
    finally:
        os.close(ns_fd)


def resolver_port() -> int:
    """Where the container's name server listens."""
    return RESOLVER_PORT if nftables.available() else PORT


def discard(pin_file: str) -> None:
    """Drops the namespace; its links go with it once the last process and socket in it are gone."""
    netns.remove(pin_file)
