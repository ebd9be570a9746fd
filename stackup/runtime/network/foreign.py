"""Forward chains of others that would drop our traffic, and the two accept rules that go in front of them.

nf_tables asks every chain, and one drop wins over any accept: Docker's and ufw's forward chains refuse what they do
not know. Where such a chain is found, two rules with the comment "stackup" go first into Docker's own place for users'
rules or into the chain itself. What stackup's table drops stays dropped. They leave with the last network.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from stackup.errors import KernelError
from stackup.kernel import nftables
from stackup.runtime.network import rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.kernel.netlink import Channel

DOCKER_CHAIN = "DOCKER-USER"
OURS = "su*"
"""A prefix and not our set: sets belong to one table."""


def refusing(channel: Channel, family: int = nftables.IP) -> list[tuple[int, str, str]]:
    """(family, table, chain) of each foreign forward chain that refuses by policy or by a rule."""
    found = []
    for owner, table, chain, refuses in nftables.forward_chains(channel):
        if table == rules.TABLE or owner not in {family, nftables.INET}:
            continue
        if refuses or any(drops for _, _, drops in nftables.rules(channel, owner, table, chain)):
            found.append((owner, table, chain))
    return found


def places(channel: Channel, families: Sequence[int]) -> list[list[str | int]]:
    """Where accept rules belong: a user's chain of Docker's when there is one, else the refusing chain itself."""
    found: list[list[str | int]] = []
    refuse = (place for family in families for place in refusing(channel, family))
    for family, table, chain in dict.fromkeys(refuse):
        docker = nftables.has_chain(channel, family, table, DOCKER_CHAIN)
        found.append([family, table, DOCKER_CHAIN if docker else chain])
    return found


def open_chains(channel: Channel, wanted: list[list[str | int]], link: str) -> None:
    """Puts the accept rules where they are missing; an uplink whose name the file chose needs two of its own."""
    known = link.startswith(OURS[:-1])
    name, comment = (OURS, rules.FOREIGN_COMMENT) if known else (link, f"{rules.FOREIGN_COMMENT} {link}")
    for family, table, chain in wanted:
        place = (int(family), str(table), str(chain))
        if comment not in _ours(channel, *place).values():
            accepted = [((word, name), ("accept",)) for word in ("iif", "oif")]
            nftables.apply(channel, [nftables.new_rule(*place, rule, comment=comment, first=True) for rule in accepted])


def close_chains(channel: Channel, held: list[list[str | int]]) -> None:
    """Takes our rules out again, by their comment; a chain that is gone took them along."""
    for family, table, chain in held:
        place = (int(family), str(table), str(chain))
        handles = _ours(channel, *place)
        if handles:
            nftables.apply(channel, [nftables.delete_rule(*place, handle) for handle in handles])


def _ours(channel: Channel, family: int, table: str, chain: str) -> dict[int, str]:
    """Handle to comment."""
    try:
        listed = nftables.rules(channel, family, table, chain)
    except KernelError as error:
        if error.errno == errno.ENOENT:
            return {}
        raise
    return {handle: comment for handle, comment, _ in listed if comment.partition(" ")[0] == rules.FOREIGN_COMMENT}
