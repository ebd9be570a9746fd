"""What networks need: nf_tables, kinds of links, forwarding, IPv6, and somebody to ask for names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from stackup.engines.builtin.doctor.words import less, none, ok, read
from stackup.engines.engine import Finding
from stackup.errors import StackupError
from stackup.kernel import nftables, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.kernel.nftexpr import NUMGEN
from stackup.layout import Layout
from stackup.runtime.network import claims, families, foreign, rules


def firewall(_: Layout) -> Iterator[Finding]:
    try:
        with nftables.open_channel() as channel:
            absent = nftables.lacking(channel, (rules.host_table(closed=True), rules.NETWORK_MEMBERS))
    except (StackupError, OSError) as problem:
        detail = f"{problem}: ports are served in user space, and containers do not reach the outside"
        yield less("nftables", detail, "load it: modprobe nf_tables")
        return
    if NUMGEN in absent:
        yield less("nftables", "replicas share a port in user space only", f"load it: modprobe {NUMGEN}")
    if needed := sorted(absent - {NUMGEN}):
        yield none("nftables", f"no {', '.join(needed)}", f"load it: modprobe -a {' '.join(needed)}")
    if not absent:
        yield ok("nftables", "ports and masquerading in the kernel")


def foreign_chains(_: Layout) -> Iterator[Finding]:
    try:
        with nftables.open_channel() as channel:
            found = foreign.places(channel, [nftables.IP, nftables.IP6])
    except (StackupError, OSError):
        return  # told already
    for _family, table, chain in found:
        text = f'a chain of "{table}" drops what it does not know; networks put two accept rules into "{chain}"'
        yield ok("forward chains", text)


def links(layout: Layout) -> Iterator[Finding]:
    with Channel() as channel:
        absent = [kind for kind in ("bridge", "veth") if not rtnetlink.has_kind(channel, kind)]
    if absent:
        hint = f"load it: modprobe -a {' '.join(absent)}"
        yield none("links", f"no {' and no '.join(absent)}: containers have no networks", hint)
    forwarding = read("/proc/sys/net/ipv4/ip_forward")
    if turned := families.turned_on(claims.read(layout.run)):
        yield ok("forwarding", f"{' and '.join(turned)}: on by stackup; the last network to go restores it")
    elif forwarding == "1":
        yield ok("forwarding", "ip_forward is on")
    else:
        yield ok("forwarding", "ip_forward is off; the first network turns it on and the last restores it")


def children(_: Layout) -> Iterator[Finding]:
    with Channel() as channel:
        for kind in ("macvlan", "ipvlan"):
            if rtnetlink.has_kind(channel, kind):
                yield ok(kind, "networks may have this driver")
            else:
                yield less(kind, f"no networks with `driver: {kind}`", f"load it: modprobe {kind}")


def ipv6(_: Layout) -> Iterator[Finding]:
    if os.path.exists("/proc/sys/net/ipv6"):
        yield ok("ipv6", "networks may have `enable_ipv6`")
    else:
        yield less("ipv6", "no networks with `enable_ipv6`", "boot without ipv6.disable=1, or: modprobe ipv6")


def resolver(_: Layout) -> Iterator[Finding]:
    """resolv.conf(5): without a server in it, the one on this machine is asked, if there is one."""
    lines = (line.split() for line in read("/etc/resolv.conf").splitlines())
    named = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    if named:
        yield ok("names", f"others are asked of {', '.join(named)}")
    else:
        hint = "write one into /etc/resolv.conf, or give services `dns`"
        yield less("names", "no name server, so containers know each other's names only", hint)


LOOKS = (firewall, foreign_chains, links, children, ipv6, resolver)
