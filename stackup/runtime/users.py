"""A container's user namespace, and the network namespace that belongs to it, as pinned files. Launcher's side, hot.

They are made before its program and kept over restarts, like the network namespace of any container: the power of the
container's root over its network comes from its user namespace, so both must be of one birth.
"""

from __future__ import annotations

from stackup.kernel import netns, userns
from stackup.kernel.abi import CLONE_NEWNET
from stackup.runtime.idmaps import SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class Wish(TypedDict):
        base: int
        """What its user 0 is outside."""
        user: str
        net: str
        """Files to pin to; empty where it has no network namespace of its own."""


def there(wish: Wish) -> bool:
    return all(netns.is_pinned(wish[name]) for name in ("user", "net") if wish[name])


def make(wish: Wish) -> None:
    """Only in a single-threaded program. What is there already goes: half of them is of no use."""
    if there(wish):
        return

    def take(home: str) -> None:
        netns.pin(f"{home}/ns/user", wish["user"])
        if wish["net"]:
            netns.pin(f"{home}/ns/net", wish["net"])

    for file in filter(None, (wish["net"], wish["user"])):
        netns.remove(file)
    lines = [(0, wish["base"], SIZE)]
    if wish["net"]:
        userns.made(lines, lines, take, flags=CLONE_NEWNET, body=netns.loopback_up)
    else:
        userns.made(lines, lines, take)
