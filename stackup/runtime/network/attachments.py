"""Where a container's networks go inside it: interface names, the gateway network, reply tables. Pure.

The gateway network has the default route and carries published ports: the highest `gw_priority`, then one that is not
internal, then the first by name. A container on several networks answers from each address through the network that
it belongs to, by one routing table an attachment; on a single network there is nothing to tell apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

FIRST_TABLE = 100


class Wanted:
    """One attachment as the file has it; `internal` and the families are the network's."""

    __slots__ = ("four", "gw_priority", "interface", "internal", "prefix", "priority", "six")

    def __init__(
        self,
        *,
        internal: bool,
        gw_priority: int = 0,
        priority: int = 0,
        interface: str = "",
        four: bool = True,
        six: bool = False,
        prefix: str = "eth",
    ) -> None:
        self.prefix = prefix
        self.four = four
        self.six = six
        self.internal = internal
        self.gw_priority = gw_priority
        self.priority = priority
        self.interface = interface


class Placed:
    """What goes into an `Endpoint`: the interface's name, whether it has the default route (of IPv4, of IPv6), its
    reply table or 0.
    """

    __slots__ = ("default", "default6", "link", "table")

    def __init__(self, link: str, default: bool, table: int, default6: bool = False) -> None:
        self.link = link
        self.default = default
        self.default6 = default6
        self.table = table


def gateway(wanted: Mapping[str, Wanted]) -> str:
    """The gateway network's name; empty for a container without networks. Asked for each family by itself."""
    ranked = sorted(wanted, key=lambda name: (-wanted[name].gw_priority, wanted[name].internal, name))
    return ranked[0] if ranked else ""


def place(wanted: Mapping[str, Wanted], kept: Mapping[str, Sequence[Any]] | None = None) -> dict[str, Placed]:
    """Interfaces are numbered by descending `priority`, then by name, as Compose attaches them.

    `kept` is what is there: (interface, reply table) by network. It stays as it is, so that coming and going networks
    leave the others alone.
    """
    kept = kept or {}
    through = gateway({name: one for name, one in wanted.items() if one.four})
    through6 = gateway({name: one for name, one in wanted.items() if one.six})
    ordered = sorted(wanted, key=lambda name: (-wanted[name].priority, name))
    taken = {wanted[name].interface for name in ordered} | {str(kept[name][0]) for name in kept}
    tables = (table for table in range(FIRST_TABLE, FIRST_TABLE + 2 * len(ordered) + len(kept)))
    used = {kept[name][1] for name in kept}
    placed = {}
    for name in ordered:
        link, table = kept.get(name) or (wanted[name].interface or _free(wanted[name].prefix, taken), 0)
        taken.add(str(link))
        if not table and len(ordered) > 1:
            table = next(number for number in tables if number not in used)
        placed[name] = Placed(str(link), name == through, table, name == through6)
    return placed


def _free(prefix: str, taken: set[str]) -> str:
    return next(name for name in (f"{prefix}{number}" for number in range(len(taken) + 1)) if name not in taken)
