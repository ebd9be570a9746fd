"""What a monitor serves beside its container: the published ports that it holds, and the container's resolver.

Hot. Both live through restarts of the container, and both can be replaced in place. A port that is taken leaves all
others as they were.
"""

from __future__ import annotations

import socket

from stackup.errors import StackupError
from stackup.runtime.network import roster
from stackup.runtime.network.holder import PortHolder
from stackup.runtime.network.names import Resolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from stackup.runtime.description import Description, HeldPort
    from stackup.runtime.loop import Loop

_TICK = "resolver"


class Servers:
    """Wired into the monitor's loop; `tick` after each of its turns."""

    __slots__ = ("_holders", "_loop", "_resolver")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._holders: dict[str, PortHolder] = {}
        self._resolver: Resolver | None = None

    def serve_ports(self, ports: Sequence[HeldPort], address: str, held: Sequence[Sequence[int]]) -> None:
        """Hold these ports and no others; one holder a port, so that what stays is not let go in between."""
        wanted = {_key(port): port for port in ports}
        bound = dict(zip(wanted, held, strict=False))
        fresh: dict[str, PortHolder] = {}
        try:
            for key, port in wanted.items():
                if key not in self._holders:
                    fresh[key] = _holder(port, address, bound.get(key, ()))
        except BaseException:
            for holder in fresh.values():
                holder.close()
            raise
        for key in self._holders.keys() - wanted.keys():
            self._let_go(key)
        for holder in self._holders.values():
            holder.address = address
        for key, holder in fresh.items():
            self._holders[key] = holder
            for fd in holder.sockets():
                self._loop.add(fd, holder.ready)

    def enter_names(self, description: Description, *, up: bool) -> None:
        """In and out of the rotation of names on its networks; a network that is being taken down has none."""
        for names_file, network in description.get("rosters", ()):
            try:
                roster.set_up(names_file, network, description.get("roster_key", ""), up)
            except (StackupError, OSError):
                continue

    def _let_go(self, key: str) -> None:
        holder = self._holders.pop(key)
        for fd in holder.sockets():
            self._loop.drop(fd)
        holder.close()

    def serve_names(self, wanted: Any) -> None:
        """Answer the container's questions with this; None: there is nothing to answer."""
        if self._resolver is not None and wanted is not None and self._resolver.revise(wanted):
            return
        self._stop_names()
        if wanted is None:
            return
        self._resolver = Resolver(wanted)
        for fd in self._resolver.sockets():
            self._loop.add(fd, self._resolver.ready)

    def _stop_names(self) -> None:
        self._loop.cancel(_TICK)
        if self._resolver is not None:
            for fd in self._resolver.sockets():
                self._loop.drop(fd)
            self._resolver.close()
            self._resolver = None

    def tick(self) -> None:
        """Questions that were passed on have a time limit."""
        if self._resolver is None:
            return
        self._resolver.tick()
        left = self._resolver.timeout()
        if left is None:
            self._loop.cancel(_TICK)
        else:
            self._loop.after(_TICK, left, _nothing)

    def close(self) -> None:
        self._stop_names()
        for key in list(self._holders):
            self._let_go(key)


def _key(port: HeldPort) -> str:
    return f"{port['host_ip']}:{port['port']}->{port['target']}/{port['protocol']}"


def _holder(port: HeldPort, address: str, fds: Sequence[int]) -> PortHolder:
    return PortHolder([port], address, [[socket.socket(fileno=fd) for fd in fds]] if fds else None)


def _nothing() -> None:
    """The turn itself is what the alarm is for: `tick` comes after it."""
