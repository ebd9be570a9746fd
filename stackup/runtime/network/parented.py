"""The macvlan and ipvlan drivers: containers are stations of their own beside the host on one of its links.

Nothing is made for the network itself: no namespace, no bridge, no rule. Each container gets a link that is a child of
the host's, made right inside its namespace, so that it goes with it. The kernel keeps such a child and the host itself
apart; that is how the drivers are, and ports are not published since the container has its own place in the LAN.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from stackup.errors import HostError, KernelError, Unsupported
from stackup.kernel import netns, rtnetlink
from stackup.kernel.netlink import Channel
from stackup.runtime.network import addressing, claims, plug
from stackup.runtime.network.addressing import HostRoutes
from stackup.runtime.network.driver import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.errors import StackupError
    from stackup.runtime.network.driver import Endpoint, NetworkSpec
    from stackup.values import Data

MODES = {"macvlan": {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}, "ipvlan": {"l2": 0, "l3": 1, "l3s": 2}}
USUAL = {"macvlan": "bridge", "ipvlan": "l2"}


class Parented:
    """Implements `driver.Driver` for one of the two kinds."""

    def __init__(self, kind: str, run_dir: str) -> None:
        self._kind = kind
        self._run_dir = run_dir

    def validate(self, spec: NetworkSpec) -> None:
        with Channel() as channel:
            if not rtnetlink.has_kind(channel, self._kind):
                raise Unsupported(
                    f'network "{spec["name"]}" asks for {self._kind}, which this kernel does not have',
                    subject=spec["name"],
                    hint=f"load it: modprobe {self._kind}",
                )
        if not spec["parent"]:
            hint = "name one of the host's links: `driver_opts: {parent: eth0}`"
            raise HostError(f'network "{spec["name"]}" has no parent', subject=spec["name"], hint=hint)
        _parent(spec)
        addressing.check(spec, self._run_dir)

    def create(self, spec: NetworkSpec, routes: HostRoutes | None = None) -> Network:
        with claims.changing(self._run_dir, f'making network "{spec["name"]}"'):
            apart: NetworkSpec = {**spec, "internal": True}  # no uplink of ours
            made = addressing.claim(apart, self._run_dir, routes or HostRoutes())
        return Network({**made, "internal": spec["internal"], "link": spec["parent"]})

    def half_made(self, spec: NetworkSpec) -> Network:
        return Network({**spec, "link": spec["parent"], "uplink": [], "uplink6": []})

    def attach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        found: list[StackupError | None] = []
        for endpoint in endpoints:
            try:
                found.append(self._attach(network, endpoint))
            except HostError as problem:
                found.append(problem)
        return found

    def _attach(self, network: Network, endpoint: Endpoint) -> StackupError | None:
        fd = netns.open_pin(endpoint["pin_file"])
        try:
            if not rtnetlink.index_of(endpoint["link"], fd):
                self._add(network, endpoint, fd)
            return plug.configure(network, endpoint, fd)
        finally:
            os.close(fd)

    def _add(self, network: Network, endpoint: Endpoint, fd: int) -> None:
        mode = MODES[self._kind][network["mode"] or USUAL[self._kind]]
        mac = plug.mac_of(endpoint) if self._kind == "macvlan" else ""
        peer = rtnetlink.VethPeer(endpoint["link"], fd, mac)
        with Channel() as channel:
            request = rtnetlink.add_child(self._kind, _parent(network), peer, mode, endpoint["mtu"] or network["mtu"])
            channel.require([request])

    def detach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        found: list[StackupError | None] = []
        for endpoint in endpoints:
            try:
                plug.leave(endpoint["pin_file"], endpoint["link"], 0, ())
                found.append(None)
            except KernelError as problem:
                found.append(None if problem.errno == errno.ENODEV else problem)
        return found

    def observe(self, network: Network) -> Data:
        """It is there as long as it is claimed, which it is until a reboot, and its parent is."""
        known = claims.of(self._run_dir, addressing.key_of(network))
        return {"present": bool(known) and bool(rtnetlink.index_of(network["link"]))}

    def remove(self, networks: Sequence[Network]) -> list[StackupError | None]:
        with claims.changing(self._run_dir, "removing networks"):
            for network in networks:
                claims.drop(self._run_dir, addressing.key_of(network))
        return [None] * len(networks)


def _parent(spec: NetworkSpec) -> int:
    index = rtnetlink.index_of(spec["parent"])
    if not index:
        raise HostError(
            f'network "{spec["name"]}": this host has no link "{spec["parent"]}"',
            subject=spec["parent"],
            hint="see `ip link`, and correct `driver_opts.parent`",
        )
    return index
